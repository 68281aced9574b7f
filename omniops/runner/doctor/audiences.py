"""The ways to those outside (section 5): the status page, e-mail, webhooks. Nothing is published and nobody is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from omniops.errors import OmniopsError
from omniops.runner.doctor.base import Finding, Look, fail, failed, ok, unset, warn

PATIENCE_S = 5.0
HOOKS = {"slack": "Slack's webhook", "discord": "Discord's webhook"}


def status_page(look: Look) -> Iterator[Finding]:
    """Statuspage: does it know the key, and which page is it? Else the git-based one, as far as its checkout tells."""
    settings = look.settings
    key, page, repo = (
        settings.has_secret("STATUSPAGE_TOKEN"),
        settings.get("STATUSPAGE_PAGE"),
        settings.get("STATUS_REPO"),
    )
    if key and page:
        client = look.clients.statuspage
        client.timeout_s = PATIENCE_S
        try:
            yield ok("status page", f"Statuspage: {client.page_name() or page}")
        except OmniopsError as error:
            yield failed("status page", error)
        finally:
            client.close()
        return
    if key or page:
        missing = "STATUSPAGE_PAGE" if key else "STATUSPAGE_TOKEN"
        yield fail("status page", f"Statuspage is set up by half: {missing} is not set", f"set {missing}")
    if repo:
        yield _status_repo(look, Path(repo).expanduser())
    elif not key and not page:
        mend = "set STATUSPAGE_TOKEN and STATUSPAGE_PAGE, or STATUS_REPO"
        yield unset("status page", "what customers are told is shown ready to paste", mend)


def _status_repo(look: Look, folder: Path) -> Finding:
    from omniops.services.git_repo import GitRepo

    repo = GitRepo(look.settings, folder, look.clients.guard)
    try:
        target = repo.target()
        mine = repo.changes()
    except OmniopsError as error:
        return failed("status page", error)
    if mine:
        return fail(
            "status page", f"the checkout in STATUS_REPO has changes of its own: {mine}", "commit or stash them"
        )
    return ok("status page", f"git: {target.branch} goes to {target.where} (not tried)")


def mail(look: Look) -> Iterator[Finding]:
    """The mail server greets, encrypts, and takes the login; nothing is sent."""
    from omniops.services.mail import Mail

    if not look.settings.has_secret("SMTP_URL"):
        yield unset("mail", "e-mails to customers are shown ready to paste", "set SMTP_URL and MAIL_FROM")
        return
    client = Mail(look.settings, look.clients.guard)
    client.timeout_s = PATIENCE_S
    try:
        yield ok("mail", client.hello())
    except OmniopsError as error:
        yield failed("mail", error)
    try:
        yield ok("MAIL_FROM", client.sender())
    except OmniopsError as error:
        yield failed("MAIL_FROM", error)


def webhooks(look: Look) -> Iterator[Finding]:
    """A webhook can only be tested by a message, so it is only seen whether its address can be had and is one."""
    from omniops.services.webhook import SETTING, Webhook

    bot = look.settings.has_secret("SLACK_BOT_TOKEN")
    for kind, name in HOOKS.items():
        if not look.settings.has_secret(SETTING[kind]):
            if bot:
                continue
            use = "where there is no bot, it posts instead"
            yield unset(name, use, f"set {SETTING[kind]}, if you have no SLACK_BOT_TOKEN")
            continue
        try:
            Webhook(kind, look.settings, look.clock, look.clients.guard).address()
        except OmniopsError as error:
            yield failed(name, error)
            continue
        if bot:
            yield warn(name, "there, and not used: SLACK_BOT_TOKEN goes before it", "unset the one that is not meant")
        else:
            yield ok(name, "there; it cannot be tested without a message")


def apprise(look: Look) -> Iterator[Finding]:
    """Whether the optional extra is installed, where it is wanted."""
    if not look.settings.has_secret("APPRISE_URLS"):
        return
    from importlib.util import find_spec

    from omniops.runner.engines.apprise import INSTALL

    if find_spec("apprise") is None:
        yield fail("Apprise", "APPRISE_URLS is set, and apprise is not installed", INSTALL)
    else:
        yield ok("Apprise", "installed; its addresses cannot be tested without a message")
