import { join } from 'node:path'
import { permutation } from '@stemkit/data'
import { makeFolder, writeFileAtomically } from '@stemkit/weights/node'
import { readCountries, type Country } from './countries.ts'
import { factsOf, sentencesOf, type Fact } from './facts.ts'
import { readGlosses } from './glosses.ts'

/** Other sentences, about no country, for the model to read between the facts. */
const GLOSSES = { training: 6000, heldOut: 200 }
const GLOSS_STREAM = 1

/** What the models read, and what they are asked. */
export interface FactsText {
  readonly facts: readonly Fact[]
  readonly training: readonly string[]
  /** Facts in words that are in no training sentence, and other glosses. */
  readonly heldOut: readonly string[]
  /** The glosses of those. */
  readonly heldOutGlosses: readonly string[]
}

/** All sentences about some countries, each a document of its own. The seed chooses the glosses, and what opens a sentence. */
export async function makeText(seed: number, countries: readonly Country[] = readCountries()): Promise<FactsText> {
  const facts = factsOf(countries)
  const words = countries.flatMap(({ name }) => name.split(/[ -]/)).filter((word) => /^\p{Lu}/u.test(word))
  const glosses = await readGlosses(new Set(words.map((word) => word.toLowerCase())))
  const chosen = Array.from(permutation(glosses.length, seed, GLOSS_STREAM), (i) => glosses[i]!)
  const heldOutGlosses = chosen.slice(0, GLOSSES.heldOut)
  const sentences = sentencesOf(facts, seed)
  return {
    facts,
    training: [...sentences.training, ...chosen.slice(GLOSSES.heldOut, GLOSSES.heldOut + GLOSSES.training)],
    heldOut: [...sentences.heldOut, ...heldOutGlosses],
    heldOutGlosses,
  }
}

/** Writes the sentences as JSONL; returns the files. */
export async function writeText(
  folder: string,
  { training, heldOut }: FactsText,
): Promise<{ readonly train: string; readonly heldOut: string }> {
  const paths = { train: join(folder, 'train.jsonl'), heldOut: join(folder, 'held-out.jsonl') }
  const lines = (texts: readonly string[]): string => texts.map((text) => `${JSON.stringify({ text })}\n`).join('')
  await makeFolder(folder)
  await writeFileAtomically(paths.train, lines(training))
  await writeFileAtomically(paths.heldOut, lines(heldOut))
  return paths
}
