/** The page's look: colours follow the reader's setting and paper is always light; widths follow the window. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: #fff; --ink: #1b1f24; --quiet: #5c6673; --rule: #e4e7eb; --axis: #9aa3ae; --card: #f5f6f8; --accent: #2563c4;
  --series-0: #2563c4; --series-1: #cf5a0b; --series-2: #12805c; --series-3: #a33fb0;
  --series-4: #c2334f; --series-5: #0c7f96; --series-6: #86690a; --series-7: #667080;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #13161a; --ink: #e6e9ed; --quiet: #9ba6b3; --rule: #2a3038; --axis: #5d6875; --card: #1c2026; --accent: #72a9ff;
    --series-0: #6ea6ff; --series-1: #ff9d57; --series-2: #4fc99b; --series-3: #d88ae4;
    --series-4: #ff8598; --series-5: #4fc5da; --series-6: #d5b656; --series-7: #a8b2bf;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
main { max-width: 54rem; margin: 0 auto; padding: 3rem 1.5rem 4rem; }
h1 { font-size: clamp(1.5rem, 1.1rem + 1.8vw, 2.1rem); line-height: 1.2; letter-spacing: -.015em; margin: 0 0 .6rem; text-wrap: balance; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; line-height: 1.3; letter-spacing: -.005em; margin: 0 0 .9rem; overflow-wrap: anywhere; }
h3 { font-size: .875rem; color: var(--quiet); font-weight: 600; margin: 1.4rem 0 .35rem; overflow-wrap: anywhere; }
h2 + h3 { margin-top: 0; }
p { margin: 0 0 1rem; max-width: 44rem; overflow-wrap: anywhere; }
.summary { color: var(--quiet); font-size: 1.06rem; }
section { margin-top: 3rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 1.75rem 0 0; }
.facts div { background: var(--card); border-radius: .6rem; padding: .8rem 1rem .85rem; }
dt { color: var(--quiet); font-size: .85rem; line-height: 1.35; }
dd { margin: .1rem 0 0; font-size: 1.5rem; line-height: 1.3; font-weight: 600; letter-spacing: -.01em; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
dd small { display: block; color: var(--quiet); font-size: .8rem; font-weight: 400; letter-spacing: 0; line-height: 1.4; }
figure { margin: 0; }
figure > svg { display: block; width: 100%; height: auto; overflow: visible; font-family: inherit; }
figure > .narrow { display: none; max-width: 30rem; margin: 0 auto; }
.axis-title { font-size: 12px; fill: var(--quiet); }
figcaption { color: var(--quiet); font-size: .9rem; margin-top: .5rem; max-width: 44rem; overflow-wrap: anywhere; }
.legend { display: flex; flex-wrap: wrap; align-items: center; gap: .15rem 1.25rem; list-style: none; margin: 0 0 .6rem; padding: 0; max-width: none; font-size: .875rem; }
.legend li { display: flex; align-items: center; gap: .45rem; min-width: 0; overflow-wrap: anywhere; }
.legend svg { flex: none; }
p.legend { gap: .5rem; color: var(--quiet); }
.scale { width: 8rem; height: .7rem; border-radius: .2rem; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.nothing { color: var(--quiet); background: var(--card); border-radius: .6rem; padding: 2rem; text-align: center; max-width: none; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; min-width: 100%; font-size: .9rem; line-height: 1.4; }
th, td { padding: .5rem .6rem; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top; }
th:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--quiet); font-weight: 600; font-size: .825rem; vertical-align: bottom; border-bottom-color: var(--axis); }
tbody th { font-weight: 600; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
blockquote { margin: 0; padding: .1rem 0 .1rem 1rem; border-left: 3px solid var(--rule); white-space: pre-wrap; overflow-wrap: anywhere; font-family: Charter, "Bitstream Charter", Cambria, Georgia, "Liberation Serif", serif; font-size: 1.04rem; }
blockquote b { color: var(--accent); font-weight: 600; }
details { border-bottom: 1px solid var(--rule); }
summary { padding: .45rem 0; cursor: pointer; overflow-wrap: anywhere; }
summary b { display: inline-block; min-width: 3.6rem; font-size: .875rem; color: var(--quiet); }
summary b.good { color: var(--series-2); }
summary b.bad { color: var(--series-4); }
details > div { padding: 0 0 1.2rem; }
details h3 { margin-top: .8rem; }
details .scroll { margin-top: 1rem; }
pre { background: var(--card); border-radius: .6rem; padding: 1rem; margin: 0; overflow-x: auto; font: .825rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
@media screen and (max-width: 40rem) {
  main { padding: 1.75rem 1rem 3rem; }
  section { margin-top: 2.25rem; }
  .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .6rem; }
  dd { font-size: 1.3rem; }
  figure > .wide { display: none; }
  figure > .narrow { display: block; }
}
@media print {
  @page { margin: 18mm 16mm; }
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  section { margin-top: 1.75rem; }
  figure, blockquote, tr, .facts div { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .facts div { border: 1px solid var(--rule); }
  .scroll, pre { overflow: visible; }
  details > div { break-inside: avoid; }
  table { font-size: .75rem; }
  th, td { padding: .35rem .4rem; overflow-wrap: anywhere; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; }
}
`
