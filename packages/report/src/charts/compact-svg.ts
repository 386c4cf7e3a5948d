/**
 * The inside of an SVG by the renderer, a fraction as long: without what a still picture has no use for (hover styles,
 * pointer events, notes about series), coordinates rounded to a tenth, shapes of one paint joined. The renderer numbers
 * ids through the life of a process; here they begin with `id`.
 */
export function compactSvg(svg: string, id: string): string {
  return svg
    .slice(svg.indexOf('>') + 1, svg.lastIndexOf('</svg>'))
    .replace(/<style[\s\S]*?<\/style>/g, '')
    .replace(/<rect [^>]*fill="none"><\/rect>/, '')
    .replace(/ (?:ecmeta_\w+|class|pointer-events|xml:space)="[^"]*"/g, '')
    .replace(/font-family:inherit;?/g, '')
    .replace(/zr\d+-(?=c\d)/g, `${id}-`)
    .replace(/(?<= (?:d|transform|x|y)=")[^"]*/g, (numbers) => numbers.replace(/-?\d+\.\d{2,}/g, round))
    .replace(/>\s+</g, '><')
    .replace(/(?:<path [^>]*><\/path>){2,}/g, joinPaths)
    .trim()
}

const round = (number: string): string => String(Number(Number(number).toFixed(1)))

/** From so many on, round markers are drawn as dots. */
const MANY_DOTS = 100
/** A round marker: the renderer's unit circle, scaled and moved. */
const DOT = /^<path d="M1 0A1[^"]*" transform="matrix\(([\d.]+),0,0,[\d.]+,([-\d.]+),([-\d.]+)\)" fill="([^"]*)">/
const SHAPE = /^<path d="([^"]*)"([^>]*)>/

/** Neighbours of one opaque paint become one path, and many dots the round ends of lines without length. */
function joinPaths(run: string): string {
  const paths = run.split('</path>').slice(0, -1)
  const dots = paths.filter((path) => DOT.test(path)).length >= MANY_DOTS
  const joined: { paint: string; shape: string }[] = []
  for (const path of paths) {
    const next = (dots && asDot(path)) || asShape(path)
    const last = joined.at(-1)
    if (last?.paint === next.paint && !/transform|opacity/.test(next.paint)) last.shape += next.shape
    else joined.push(next)
  }
  return joined.map(({ paint, shape }) => `<path d="${shape}"${paint}></path>`).join('')
}

function asDot(path: string): { paint: string; shape: string } | undefined {
  const [found, radius, x, y, fill] = DOT.exec(path) ?? []
  if (found === undefined) return undefined
  const paint = ` fill="none" stroke="${fill}" stroke-width="${2 * Number(radius)}" stroke-linecap="round"`
  return { paint, shape: `M${x} ${y}h0` }
}

function asShape(path: string): { paint: string; shape: string } {
  const [, shape, paint] = SHAPE.exec(path)!
  return { paint: paint!, shape: shape! }
}
