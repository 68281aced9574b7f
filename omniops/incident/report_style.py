"""How the HTML report looks: one column below 600 px, dark where the reader's screen is, black on white on paper."""

from __future__ import annotations

STYLE = """
:root{--ink:#1b1f24;--dim:#5b6470;--line:#d5dae1;--paper:#fff;--soft:#f5f7f9;--good:#1a7f37;--bad:#c01c28;--warn:#9a6200;
--curve:#2463c4}
@media(prefers-color-scheme:dark){:root{--ink:#e4e8ed;--dim:#9aa4b0;--line:#3a424c;--paper:#14181d;--soft:#1d232a;
--good:#4fc26b;--bad:#ff7b72;--warn:#e0a43a;--curve:#7ab0ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"DejaVu Sans",sans-serif;overflow-wrap:anywhere}
main{max-width:940px;margin:0 auto;padding:24px 20px 48px}
h1{font-size:1.7rem;line-height:1.25;margin:.2em 0 .6em}
h2{font-size:1.15rem;margin:2em 0 .6em;padding-bottom:.25em;border-bottom:1px solid var(--line)}
h3{font-size:.95rem;margin:1em 0 .3em;color:var(--dim)}
code{font:.85em ui-monospace,"DejaVu Sans Mono",monospace;color:var(--dim)}
time{font-variant-numeric:tabular-nums}.timeline time{white-space:nowrap}
.kicker{margin:0;color:var(--dim)}
.badge{overflow-wrap:normal}
.badge{display:inline-block;padding:.05em .6em;border-radius:1em;font-weight:600;font-size:.85em;white-space:nowrap;
background:var(--soft);color:var(--ink);border:1px solid var(--line)}
.s1{background:#c01c28;color:#fff;border-color:#c01c28}.s2{background:#b35900;color:#fff;border-color:#b35900}
.s3{background:#f4d35e;color:#3b2f00;border-color:#d9b83f}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(250px,1fr));gap:.7em 1.4em;margin:0;padding:1em;
background:var(--soft);border-radius:8px}
.facts div{min-width:0}dt{color:var(--dim);font-size:.85em}dd{margin:0}
figure{margin:0}
.plot{display:block;width:100%;height:auto}.narrow{display:none}
.plot text{fill:var(--dim);font-family:inherit}.plot .name,.plot .number{fill:var(--ink);font-weight:600}
.plot .name{paint-order:stroke;stroke:var(--paper);stroke-width:5px;stroke-linejoin:round}
.plot .limit{fill:var(--bad)}.plot .unknown{fill:var(--warn);font-weight:600}
.area{fill:var(--soft)}.line{fill:none;stroke:var(--curve);stroke-width:1.5}
.budget{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:6 4}.tick{stroke:var(--dim)}
.mark{stroke:var(--ink);stroke-dasharray:2 3}circle.good{fill:var(--good)}circle.bad{fill:var(--bad)}
.legend{color:var(--dim);font-size:.85em;margin:.4em 0}
.legend b{color:var(--warn);margin:0 .3em 0 .8em}.key{display:inline-block;margin:0 .3em 0 .8em}
.budget-key{width:1.6em;border-top:2px dashed var(--bad);vertical-align:middle;margin-left:0}
.good-key,.bad-key{width:.6em;height:.6em;border-radius:50%}.good-key{background:var(--good)}.bad-key{background:var(--bad)}
.marks{margin:.4em 0;padding-left:1.8em;font-size:.92em}.marks time{color:var(--dim);margin-right:.4em}
.timeline{list-style:none;margin:0;padding:0}
.timeline li{display:grid;grid-template-columns:5.2em 1fr 8em;gap:0 1em;padding:.3em .5em;
border-left:3px solid var(--line);break-inside:avoid}
.timeline time,.who{color:var(--dim);font-size:.92em}.who{text-align:right}
.timeline .good{border-color:var(--good)}
.timeline .bad{border-color:var(--bad)}.timeline .warn{border-color:var(--warn)}
.timeline .bad .words{color:var(--bad)}
table{width:100%;border-collapse:collapse;font-size:.94em}
th{text-align:left;overflow-wrap:normal;color:var(--dim);font-weight:600;font-size:.88em;padding:.3em .6em .3em 0}
td{padding:.45em .6em .45em 0;border-top:1px solid var(--line);vertical-align:top}
.people td:first-child{width:24%}.people td:nth-child(2){width:16%}
tr{break-inside:avoid}td ul{margin:0;padding-left:1.1em}
td:last-child,th:last-child{padding-right:0}
span.good{color:var(--good)}span.bad{color:var(--bad);font-weight:600}
footer{margin-top:3em;color:var(--dim);font-size:.85em}
@media screen and (max-width:599px){
main{padding:16px 14px 40px}h1{font-size:1.35rem}
.facts{grid-template-columns:1fr}
.wide{display:none}.narrow{display:block}
.timeline li{grid-template-columns:auto 1fr;padding:.5em .6em}.timeline .words{grid-column:1/-1;grid-row:2}
thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
table,tbody,tr,td{display:block}tr{border-top:1px solid var(--line);padding:.6em 0}
.people td:nth-child(n){width:auto}
td{display:grid;grid-template-columns:5.2em 1fr;gap:0 .6em;border:0;padding:.1em 0}
td div{min-width:0}td::before{content:attr(data-name);color:var(--dim);font-size:.9em}
}
@media print{
:root{--ink:#000;--dim:#444;--line:#bbb;--paper:#fff;--soft:#fff;--good:#1a6b2e;--bad:#a3121d;--warn:#7a4d00;
--curve:#1c4f9c}
@page{margin:16mm 14mm}
body{font-size:10.5pt}main{max-width:none;padding:0}h2{break-after:avoid}figure{break-inside:avoid}
.facts{border:1px solid var(--line)}
.badge,circle,.key{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
"""
