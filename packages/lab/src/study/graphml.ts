/**
 * Graphs of links as GraphML 1.0 (Brandes et al., GD 2001), as networkx and Gephi read it: a key for each attribute, nodes
 * and edges in the order of their numbers.
 */
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { makeFolder } from '@servent/database/make-folder'
import { EDGE_ENDS, GRAPH_ROLES, type GraphSamples } from '../graph.ts'
import type { RunResult } from '../run-result.ts'
import type { Point } from './study.ts'

const FOLDER = 'topology'
const PART_SUFFIX = '.part'
/** Lines that are written at a time. */
const LINES_AT_ONCE = 10_000

/** `topology/sizes-chord-0.graphml`: of a part its `point`-th point. */
export const graphFileOf = (part: string, overlay: string, point: number) =>
  `${FOLDER}/${part}-${overlay}-${point}.graphml`

/**
 * Written beside and renamed then, so that an earlier one stays until it is whole.
 *
 * @throws Error  the disk takes no more; what was written of it is gone again
 */
export function writeGraphml(folder: string, name: string, part: string, point: Point, run: RunResult): void {
  const file = join(folder, name)
  makeFolder(dirname(file))
  const partFile = `${file}${PART_SUFFIX}`
  const out = openSync(partFile, 'w')
  try {
    try {
      writeLines(out, graphmlLines(run.graph!, aboutOf(part, point, run)))
    } finally {
      closeSync(out)
    }
    renameSync(partFile, file)
  } catch (error) {
    rmSync(partFile, { force: true })
    throw error
  }
}

function writeLines(out: number, lines: Iterable<string>): void {
  let waiting: string[] = []
  const flush = () => {
    if (waiting.length > 0) writeSync(out, `${waiting.join('\n')}\n`)
    waiting = []
  }
  for (const line of lines) {
    waiting.push(line)
    if (waiting.length >= LINES_AT_ONCE) flush()
  }
  flush()
}

function aboutOf(part: string, { overlay, at, set }: Point, { seed }: RunResult): Record<string, string> {
  return { part, overlay, at: JSON.stringify(at), settings: JSON.stringify(set), seed: `${seed}` }
}

/** `about`: what is said of the graph itself, texts that others may have chosen. */
export function* graphmlLines(
  graph: GraphSamples,
  about: Readonly<Record<string, string>>
): Generator<string> {
  const { nodes, alive, roles, from, to, ends } = graph
  yield '<?xml version="1.0" encoding="UTF-8"?>'
  yield '<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">'
  for (const name of Object.keys(about)) yield keyOf(name, 'graph', 'string')
  yield keyOf('role', 'node', 'string')
  yield keyOf('alive', 'node', 'boolean')
  yield keyOf('ends', 'edge', 'string')
  yield '<graph id="links" edgedefault="undirected">'
  for (const [name, value] of Object.entries(about)) yield dataOf('graph', name, escaped(value))
  for (const [place, node] of nodes.entries()) {
    const role = alive[place] === 1 ? dataOf('node', 'role', GRAPH_ROLES[roles[place]!]!) : ''
    yield `<node id="n${node}">${role}${dataOf('node', 'alive', `${alive[place] === 1}`)}</node>`
  }
  for (const [edge, place] of from.entries()) {
    const [source, target] = [nodes[place]!, nodes[to[edge]!]!]
    yield `<edge source="n${source}" target="n${target}">${dataOf('edge', 'ends', EDGE_ENDS[ends[edge]!]!)}</edge>`
  }
  yield '</graph>'
  yield '</graphml>'
}

type Of = 'graph' | 'node' | 'edge'
/** Ids are of the whole document: a node's attribute and a graph's may have one name. */
const idOf = (of: Of, name: string) => `${of}-${name}`
const keyOf = (name: string, of: Of, type: 'string' | 'boolean') =>
  `<key id="${idOf(of, name)}" for="${of}" attr.name="${name}" attr.type="${type}"/>`
const dataOf = (of: Of, name: string, text: string) => `<data key="${idOf(of, name)}">${text}</data>`

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
