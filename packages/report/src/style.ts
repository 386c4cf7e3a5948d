/** The page's look. Colours follow the reader's setting; widths follow the window. */
export const style = `
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fdfdfc; --quiet: #6a6a6a; --line: #d9d9d6; --card: #f3f3f0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e6; --paper: #161616; --quiet: #a0a0a0; --line: #3a3a3a; --card: #212121; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; }
h3 { font-size: .95rem; color: var(--quiet); margin: 1.25rem 0 .25rem; font-weight: 600; }
.summary { color: var(--quiet); max-width: 44rem; margin: 0 0 1.5rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .75rem; margin: 0; }
.facts div { background: var(--card); border-radius: .5rem; padding: .75rem 1rem; }
dt { color: var(--quiet); font-size: .85rem; }
dd { margin: 0; font-size: 1.45rem; font-variant-numeric: tabular-nums; }
dd small { display: block; color: var(--quiet); font-size: .8rem; }
figure { margin: 0; }
figure svg { width: 100%; height: auto; display: block; }
figcaption { color: var(--quiet); font-size: .9rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .75rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child { text-align: left; }
thead th { color: var(--quiet); font-weight: 600; font-size: .85rem; }
tbody th { font-weight: 600; }
blockquote { margin: 0; padding: .75rem 1rem; border-left: 3px solid var(--line); white-space: pre-wrap; overflow-wrap: anywhere; }
pre { background: var(--card); border-radius: .5rem; padding: 1rem; overflow-x: auto; font-size: .85rem; line-height: 1.45; }
@media print { body { font-size: 11pt; } section { break-inside: avoid; } }
`
