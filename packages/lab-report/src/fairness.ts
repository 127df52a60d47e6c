/** How fairly was compared: what was the same for all, who could not be asked, and what the figures rest on. */
import { type PartResults, type PointResults, STUDY_FILES, type StudyResults } from '@servent/lab'
import { askedHtml } from './asked.ts'
import type { Value } from './axes.ts'
import { type Html, html } from './html.ts'
import { labelOf, type OverlayId } from './looks.ts'
import { count, duration, extent, listed, memory, percent } from './numbers.ts'
import { aliveWords, durationWords } from './population.ts'
import { tooFewWords } from './seeds.ts'
import { distinct, valueAt } from './view.ts'

/** A study, as the report calls it. */
export interface Labelled {
  readonly label: string
  readonly study: StudyResults
}

/** As `docs/lab.md` says it of every plan; what a study has nothing of is left out. */
export function fairnessHtml(studies: readonly Labelled[]): Html {
  const parts = partsOf(studies)
  const points = parts.flatMap(part => part.points)
  const hasSimulated = points.some(({ plan }) => plan.backend === 'simulator')
  const hasReal = points.some(({ plan }) => plan.backend !== 'simulator')
  const seeds = distinct(points.map(({ results }) => results.seeds.length)).sort((a, b) => a - b)
  const [least, most] = [seeds[0]!, seeds.at(-1)!]
  const runs = least === most ? count(least) : `${count(least)} to ${count(most)}`
  const warmups = distinct(points.map(({ plan }) => plan.warmup)).sort((a, b) => a - b)
  const warmup = distinct([warmups[0]!, warmups.at(-1)!])
    .map(duration)
    .join(' to ')
  const hasFailures = points.some(({ plan }) => plan.failures !== null)
  const hasPartition = points.some(({ plan }) => plan.partition !== null)
  const hasLiars = points.some(({ plan }) => plan.liars !== null)
  const networks = networkWords(parts).join(' ')
  const [alive, unlike] = [aliveWords(parts), durationWords(parts)].map(each => each.join(' ')) as [
    string,
    string
  ]
  return html`<ul>
<li><strong>The same for every overlay.</strong> Identifiers, round trips between peers, who comes and goes and when, who shares what, and who asks and when are drawn from a run’s seed before any overlay is asked; so are the words of searches. Overlays are compared on the same seeds.${seedWords(studies)}</li>
${askedHtml(parts)}
<li><strong>The machines of real peers.</strong> ${machineWords(points)}</li>
<li><strong>Held against the truth.</strong> An observer who sees everybody says whether an answer is correct. No lookup is dropped: incorrect and failed ones count against success, and those that nobody was there to ask, or whose root lies, are counted as unissued, apart from all figures.</li>
<li><strong>${runs} ${most === 1 ? 'run' : 'runs'} of each point,</strong> a seed each. A figure is the median over runs; its interval is the middle 95 % of 2,000 bootstrap medians. Of fewer than five runs there is none.${tooFewWords(parts).map(text => ` ${text}`)}</li>
<li><strong>What is left out.</strong> The first ${warmup} of each run, in which networks settle, is not measured: ${listed([...(hasSimulated ? ['virtual time in the simulator'] : []), ...(hasReal ? ['time on the clock of real peers'] : [])])}.</li>
<li><strong>Timeouts</strong> are messages to peers that could not be reached or did not answer in time, ${timeoutWords(points)}. What a lookup waits for them is part of its latency; a lookup that has no answer in its overlay’s time has failed, and is in no latency.</li>
${alive !== '' && html`<li><strong>Peers that come and go:</strong> ${alive}</li>\n`}${unlike !== '' && html`<li><strong>Measured times:</strong> ${unlike}</li>\n`}${hasFailures && html`<li><strong>Failures:</strong> peers die at one instant, and lookups come right after it. In the simulator maintenance stands still meanwhile; real peers go on.</li>\n`}${
  hasLiars &&
  html`<li><strong>Liars</strong> are the same peers in each overlay and know each other. Only honest peers ask; a lookup whose root lies is unissued.</li>\n`
}${
  hasPartition &&
  html`<li><strong>Partitions</strong> cut the same peers off in each overlay, for the same time. Meanwhile that is right which is so on the side of who asks; an operator’s servers are on the smaller side with the chance of any peer.</li>\n`
}${networks !== '' && html`<li><strong>The network:</strong> ${networks}</li>\n`}</ul>
${unaskedHtml(studies)}`
}

/** Parts of all studies; of several each says whose it is. */
const partsOf = (studies: readonly Labelled[]) =>
  studies.flatMap(({ label, study }) =>
    study.parts
      .filter(({ points }) => points.length > 0)
      .map(part => (studies.length === 1 ? part : { ...part, title: `${label}: ${part.title}` }))
  )

/** Of which code it is. */
function machineWords(points: readonly PointResults[]): string {
  const real = points.filter(({ plan }) => plan.backend !== 'simulator')
  return [
    ...(real.length === points.length
      ? []
      : ['What runs in the simulator is the code that peers run over the network, in virtual time.']),
    ...(real.length === 0
      ? []
      : [
          'Real peers are whole libp2p nodes over a network that the lab makes; their seconds are those of the clock, and their times hold those of this machine’s processor.'
        ]),
    ...(real.some(({ overlay }) => overlay === 'kademlia')
      ? ['Kademlia of real peers is libp2p’s own, and not the machine that is simulated.']
      : []),
    'Sizes are those of the real encoding, without encryption and TCP.'
  ].join(' ')
}

/** Who counts them. Only the simulator sees what its peers send and get, and Kelips does not tell it of single steps. */
function timeoutWords(points: readonly PointResults[]): string {
  const { simulated = [], real = [] } = Object.groupBy(points, ({ plan }) =>
    plan.backend === 'simulator' ? 'simulated' : 'real'
  )
  const has = (own: readonly PointResults[], id: OverlayId) => own.some(({ overlay }) => overlay === id)
  return [
    ...(simulated.length === 0
      ? []
      : [
          `in the simulator as an observer of all peers sees them${has(simulated, 'kelips') ? ', and in Kelips as its peers count and tell them' : ''}`
        ]),
    ...(real.length === 0
      ? []
      : [
          `among real peers as they count and tell them themselves${has(real, 'kademlia') ? ', which those of Kademlia do not' : ''}`
        ])
  ].join('; ')
}

/** What a network does beside being far, of a part with these values. */
const NETWORK: Readonly<Record<'bandwidth' | 'resets' | 'firewalled', (values: readonly Value[]) => string>> =
  {
    bandwidth: values =>
      `A peer’s line carries ${either(values)} a second, up and down${values.includes(null) ? ', or has no bound' : ''}.`,
    resets: values =>
      `Each connection breaks by itself, ${either(values)}${values.includes(null) ? ', or never' : ''}.`,
    firewalled: values =>
      `${either(values.map(part => percent(Number(part))))} of the peers, the same in each overlay, cannot be dialled, and dial others.`
  }
const either = (values: readonly Value[]) =>
  listed(
    values.filter(value => value !== null).map(value => `${value}`),
    'or'
  )

/** Of parts that have any of it; which those are is said where not all have the same. */
function networkWords(parts: readonly PartResults[]): string[] {
  return Object.entries(NETWORK).flatMap(([field, words]) => {
    const told = parts.flatMap(part => {
      const values = distinct(part.points.map(point => valueAt(point, field)))
      return values.every(value => value === null || value === 0) ? [] : [{ part, text: words(values) }]
    })
    return [...Map.groupBy(told, ({ text }) => text)].map(([text, own]) =>
      own.length === parts.length
        ? text
        : `In ${listed(own.map(({ part: { title } }) => `“${title}”`))}: ${text}`
    )
  })
}

/** Nothing where studies that have a part in common ran it with the same seeds. */
function seedWords(studies: readonly Labelled[]): string {
  const all = studies.flatMap(({ label, study }) =>
    study.parts.flatMap(({ name, title, points }) =>
      points.length === 0 ? [] : [{ label, name, title, seeds: seedsOf(points) }]
    )
  )
  const said = [...Map.groupBy(all, ({ name }) => name).values()].flatMap(own => {
    const groups = [...Map.groupBy(own, ({ seeds }) => seeds)]
    if (groups.length === 1) return []
    const each = groups.map(([seeds, of]) => `${seeds} in ${listed(of.map(({ label }) => label))}`)
    return [{ title: own[0]!.title, text: `Studies ran on unlike seeds, ${listed(each)}` }]
  })
  const why = ': what differs between them may differ by chance, too.'
  return [...Map.groupBy(said, ({ text }) => text)]
    .map(([text, own]) => {
      const isAll = own.length === distinct(all.map(({ name }) => name)).length
      const where = isAll ? '' : `, of ${listed(own.map(({ title }) => `“${title}”`))}`
      return ` ${text}${where}${why}`
    })
    .join('')
}

function seedsOf(points: readonly PointResults[]): string {
  const [least, most] = extent(points.flatMap(({ results }) => results.seeds))
  return least === most ? `${least}` : `${least} to ${most}`
}

/** What was planned and not asked: warnings of the lab, and lookups, searches, puts and gets that are unissued. */
function unaskedHtml(studies: readonly Labelled[]): Html {
  const lines = studies.flatMap(({ label, study }) =>
    study.parts.flatMap(part => {
      const counts = unissuedOf(part)
      const where = studies.length > 1 ? `${label}, ${part.title}` : part.title
      const warnings = distinct(
        part.points.flatMap(({ overlay, results }) =>
          results.warnings.map(text => `${labelOf(overlay)}: ${text}`)
        )
      )
      return [
        ...(counts === '' ? [] : [`${where}: ${counts}.`]),
        ...warnings.map(text => `${where}. ${text}`)
      ]
    })
  )
  if (lines.length === 0) return html`<p>All that was planned was asked.</p>`
  return html`<p>Not all that was planned was asked:</p><ul>${lines.map(line => html`<li>${line}</li>\n`)}</ul>`
}

function unissuedOf({ points }: PartResults): string {
  const of = new Map<OverlayId, readonly [unissued: number, planned: number]>()
  for (const { overlay, results } of points) {
    const { lookups, searches, values } = results
    const works = [lookups, searches, values?.puts, values?.gets].filter(
      work => work !== null && work !== undefined
    )
    const [unissued, planned] = of.get(overlay) ?? [0, 0]
    const sum = works.reduce((total, work) => total + work.unissued, 0)
    of.set(overlay, [unissued + sum, works.reduce((total, work) => total + work.issued, planned + sum)])
  }
  const said = [...of].flatMap(([overlay, [unissued, planned]]) =>
    unissued === 0 ? [] : [`${labelOf(overlay)} ${count(unissued)} of ${count(planned)}`]
  )
  return said.length === 0 ? '' : `unissued ${listed(said)}`
}

/** Where it ran, of which code, and how it is run again. */
export function originHtml(studies: readonly Labelled[]): Html {
  return html`${studies.map(({ label, study }) => {
    const { host, commit, fingerprint } = study
    const isDirty = commit?.endsWith('-dirty') ?? false
    const clean = commit?.replace(/-dirty$/, '')
    return html`${studies.length > 1 && html`<h3>${label}</h3>`}<dl>
<dt>Hardware</dt><dd>${host.cpu}, ${count(host.cpus)} ${host.cpus === 1 ? 'core' : 'cores'}, ${memory(host.memory_bytes)}; ${host.platform} ${host.arch}, Node ${host.node}. ${
      fingerprint === null
        ? 'Some ran on real peers, whose times are of this machine.'
        : 'Times here are virtual: another machine takes longer or shorter and measures the same.'
    }</dd>
<dt>Code</dt><dd>${
      commit === null
        ? 'not a checkout, so that its commit is unknown'
        : html`commit <code>${clean}</code>${isDirty && ', with changes that are in no commit'}`
    }</dd>
<dt>Fingerprint</dt><dd>${
      fingerprint === null
        ? 'none: real peers do nothing twice alike'
        : html`<code>${fingerprint}</code>, over what every run did and measured`
    }</dd>
<dt>Again</dt><dd><code>npx servent lab run ${STUDY_FILES.plan}</code>, in the folder of these results: the plan there has every choice filled in${fingerprint !== null && ', and the same code gives the same fingerprint'}.</dd>
</dl>`
  })}`
}
