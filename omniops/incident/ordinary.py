"""Words of ordinary sentences that are names of people, of hosts, or the plural of one as well. Pure.

Who is called Will or Mark is found where the name has its capital; ``will`` and ``mark`` say nothing of anybody. It is
no dictionary: a word that is missing here is refused where it need not be, and whoever wrote it is told which it is.
"""

from __future__ import annotations

_WORDS = """
a about above across after again against all also always an and any are as at away back be because been before being
below best better between both boss but by can case class come could day days did do does doing done down during each
early else end ends even ever every far few first for found from full gas get gets give given go goes going gone good
had half has have he her here high him his hold holds how i if in into is it its just keep kept known last late later
least less let like line list long look looks loss lot low made main make many may me means met might minute minutes
miss more most much must my near need needs never new news next no none nor not now of off often ok old on once one
only onto open or other our ours out over own part pass past per place plus point put rest right run runs said same
saw say see seen set sets several she short should show side since slow small so some soon still such take taken tell
than thanks that the their theirs them then there these they thing things this those through thus till time times to
today told too took top try two under until up us use used using very was way we well were what when where which while
who whole whom whose why will with within without word words work works would wrong yes yet you your yours

affected answer answers app api backup cache cause check client cloud cluster customer customers data database default
degraded delay disruption edge engineer engineers error errors failed failing failover fix fixed gateway group host
hosts impact incident internal issue issues key keys latency level limit limits live load local localhost login
maintenance model models monitor network node page platform primary problem problems prod production provider
providers proxy queue rate region release replica replicas report request requests response restart restored retries
retry root route router routes secondary server servers service services staging start started state status support
system systems team test tests token tokens traffic update updates upstream user users version web

amber angel april archer art august autumn baker ball banks barn bass battle bay beach bell bill bills bird bishop
black blue bond bow bowl brand brook brown bull bush butler camp cannon canon carpenter carter cash castle chamber
chambers chance chase chip church clay clean clear cliff close coal cook cotton crew cross crow crystal daily
dawn dean dear diamond drew drive duke east faith fall falls farmer field fields fine flood flower flowers forest ford
foster fountain fox frank friend frost gates gene glass gold golden grace grand grant grants green guest gun hall hand
hands head heart hill hills holiday home hook hope hopes hour house hunt iron jet job jobs join joy judge june
justice keen keeper kind king kings knight lake land lane large law lawn leaf light little lock lord love luck lucky
mail major march mark marks masters mat max merit miles mill mills mine minor mode money moon north pages park parker
parks patience patrol peace penny pepper poll pool post power powers price prince prior prose ray reader reed reeves
rice rich ridge river rivers rock rose ruler rush sage sandy self shade sharp shell shore silver sky slack smart snow
south spark sparks spear spring star stern stone storm story strange stream street strong sue summer swift table
temple trip true trust van victory virtue walker wall walls ward ware waters watts weeks wells west white wild winter
winters wise wolf wood woods worth young
"""
"""Lower case. The second part are words of every report, the third names that are words."""
ORDINARY = frozenset(_WORDS.split())
