/** The page's style sheet: quiet, for light and dark, for narrow screens, and for paper. */
import { DARK_RULES } from './draw.ts'
import { GRID, INK, PAPER, QUIET } from './looks.ts'

const variables = (mode: 'light' | 'dark') =>
  `--ink:${INK[mode]};--quiet:${QUIET[mode]};--line:${GRID[mode]};--paper:${PAPER[mode]};` +
  `--link:${mode === 'light' ? '#0058a8' : '#8cc2ff'};--band:${mode === 'light' ? '#f6f6f3' : '#1d2024'}`

export const STYLE = `
:root{color-scheme:light dark;${variables('light')}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;overflow-wrap:anywhere;background:var(--paper);color:var(--ink);font:1.0625rem/1.55 Charter,'Bitstream Charter','Sitka Text',Cambria,Georgia,serif}
main,header,footer{max-width:68rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:3rem}
main{padding-bottom:4rem}
h1{font-size:2rem;line-height:1.2;margin:0 0 .75rem;font-weight:600;text-wrap:balance}
h2{font-size:1.4rem;line-height:1.3;margin:3rem 0 .75rem;font-weight:600;text-wrap:balance}
h3{font-size:1.1rem;margin:2rem 0 .5rem;font-weight:600}
p,ul,ol,dl{max-width:44rem;margin:0 0 1rem}
ul,ol{padding-left:1.25rem}
li{margin-bottom:.4rem}
dt{font-weight:600}
dd{margin:0 0 .5rem}
a{color:var(--link)}
code{font:.875em/1.4 ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace}
.about{font-size:1.15rem;color:var(--quiet)}
.part{border-top:1px solid var(--line)}
.part>h2{margin-top:2rem}
.skip{position:absolute;left:-999rem}
.skip:focus{left:1rem;top:1rem;background:var(--paper);padding:.5rem 1rem;z-index:1}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,25rem),1fr));gap:2.5rem 2.5rem;margin:2rem 0;align-items:start}
figure{margin:0;min-width:0;font:.875rem/1.45 system-ui,sans-serif}
figure .plot svg{display:block;width:100%;height:auto;max-width:30rem}
figure h3{font-size:.9375rem;margin:0 0 .5rem}
figure .steps{margin:.75rem 0 0;padding-left:2rem}
figcaption{color:var(--quiet);margin-top:.5rem}
details{font:.875rem/1.45 system-ui,sans-serif;margin:.75rem 0}
summary{cursor:pointer;color:var(--link)}
.scroll{overflow:auto;margin:.75rem 0 1.25rem;max-width:100%}
details .scroll{max-height:32rem}
table{border-collapse:collapse;overflow-wrap:break-word;font:.8125rem/1.4 system-ui,sans-serif;font-variant-numeric:tabular-nums lining-nums}
caption{text-align:left;color:var(--quiet);padding-bottom:.4rem;caption-side:top}
caption span{display:block;position:sticky;left:0;max-width:min(44rem,calc(100vw - 2.5rem))}
th,td{max-width:24rem;text-align:left;vertical-align:top;padding:.3rem .45rem;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{padding-left:0}
thead th{vertical-align:bottom;font-weight:600;border-bottom:1px solid var(--quiet);min-width:3.5rem}
tbody th{font-weight:500}
td:not(.number){min-width:7.5rem}
th.number,td.number{text-align:right}
.interval{display:block;color:var(--quiet);font-size:.75rem;white-space:nowrap}
.none{color:var(--quiet)}
footer{border-top:1px solid var(--line);padding-top:1rem;padding-bottom:3rem;color:var(--quiet);font-size:.875rem}
@media (max-width:30rem){body{font-size:1rem}main,header,footer{padding-left:.5rem;padding-right:.5rem}header{padding-top:1.5rem}h1{font-size:1.5rem}h2{font-size:1.2rem}}
@media screen and (prefers-color-scheme:dark){:root{${variables('dark')}}${DARK_RULES}}
@media print{@page{margin:16mm}body{font-size:10pt}.skip,nav,details:not([open]){display:none}dt{break-after:avoid}.scroll,details .scroll{overflow:visible;max-height:none}figure,tr{break-inside:avoid}h2,h3{break-after:avoid}.plots{grid-template-columns:1fr 1fr;gap:1.5rem}table{font-size:7pt}th,td{padding:.15rem .25rem}thead th{min-width:0}.interval{white-space:normal}a{color:inherit}}
`
