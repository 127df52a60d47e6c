/** What tests ask of a page, from inside of it: a script that is added to it. */

/** All that is folded away is seen. */
function unfold() {
  for (const details of document.querySelectorAll('details')) details.open = true
}

/** Of each table so many rows stay: those that come after them have the same cells, and each takes axe its time. */
function shorten(rows) {
  for (const row of document.querySelectorAll(`tbody tr:nth-child(n + ${rows + 1})`)) row.remove()
}

/** Rules of accessibility that are broken, each with its first place. Needs axe. */
async function broken() {
  unfold()
  const { violations } = await window.axe.run({ resultTypes: ['violations'] })
  return violations.map(
    ({ id, nodes: [{ failureSummary, html }] }) => `${id}: ${failureSummary} ${html.slice(0, 200)}`
  )
}

/** Labels of plots that lie over each other, or beyond the edge. */
function misplaced() {
  const bad = []
  for (const svg of document.querySelectorAll('.plot svg')) {
    const frame = svg.getBoundingClientRect()
    const id = svg.getAttribute('aria-labelledby')
    const texts = [...svg.querySelectorAll('text')]
      .map(text => ({ name: text.textContent, box: text.getBoundingClientRect() }))
      .filter(({ name, box }) => name !== '' && box.width > 0)
    for (const [at, a] of texts.entries()) {
      const { left, right, top, bottom } = a.box
      if (
        left < frame.left - 1 ||
        right > frame.right + 1 ||
        top < frame.top - 1 ||
        bottom > frame.bottom + 1
      )
        bad.push(`${id}: "${a.name}" is cut off`)
      for (const b of texts.slice(at + 1)) {
        const x = Math.min(right, b.box.right) - Math.max(left, b.box.left)
        const y = Math.min(bottom, b.box.bottom) - Math.max(top, b.box.top)
        // Boxes of letters are higher than the letters.
        if (x > 1 && y > 4) bad.push(`${id}: "${a.name}" over "${b.name}"`)
      }
    }
  }
  return bad
}

/** Of all plots the least size of letters, in pixels of the screen. */
function leastLetterPx() {
  const sizes = [...document.querySelectorAll('.plot svg')].map(
    svg => (12 * svg.clientWidth) / svg.viewBox.baseVal.width
  )
  return Math.min(...sizes)
}

/** Colours of plots that are drawn as the plot's file has them. */
function unchanged() {
  const hex = colour =>
    `#${(colour.match(/\d+/g) ?? [])
      .slice(0, 3)
      .map(part => Number(part).toString(16).padStart(2, '0'))
      .join('')}`
  const found = [...document.querySelectorAll('.plot svg [fill^="#"], .plot svg [stroke^="#"]')].flatMap(
    element =>
      ['fill', 'stroke']
        .filter(paint => {
          const own = element.getAttribute(paint)
          return own?.startsWith('#') && hex(getComputedStyle(element)[paint]) === own
        })
        .map(paint => element.getAttribute(paint))
  )
  return [...new Set(found)]
}

/** What a reader of XML has against a text; nothing where it takes it. */
function xmlError(text) {
  return (
    new DOMParser().parseFromString(text, 'image/svg+xml').querySelector('parsererror')?.textContent ?? ''
  )
}

const pageWidth = () => document.documentElement.scrollWidth
const paper = () => getComputedStyle(document.body).backgroundColor
const focused = () => ({
  text: document.activeElement.textContent,
  left: document.activeElement.getBoundingClientRect().left
})

Object.assign(window, {
  unfold,
  shorten,
  broken,
  misplaced,
  leastLetterPx,
  unchanged,
  xmlError,
  pageWidth,
  paper,
  focused
})
