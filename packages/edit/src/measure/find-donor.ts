import type { EditCase, Fact } from './cases/edit-case.ts'

/** Somebody of whom the answer that a case asks for is true, and how it was found. */
export interface Donor {
  readonly subject: string
  /** `given`: by the case. `relation`, `template`: the same kind of fact, or asked in the same words. `answer`: any with it. */
  readonly by: 'given' | 'relation' | 'template' | 'answer'
}

/** How alike two spellings have to be to be the same answer. */
const plain = (text: string): string => text.trim().toLowerCase()

/**
 * Finds whose rows a case's subject should get: another subject of the same relation with this answer; where the file does not
 * name relations, one that is asked about in the same words; else any with this answer, which mostly tells what it is
 * of ("baseball"). Of several the one nearest in length, in the order given.
 * @param lengthOf how many tokens a subject has
 */
export function donorFinder(
  facts: readonly Fact[],
  lengthOf: (subject: string) => number,
): (wanted: EditCase) => Donor | undefined {
  const byAnswer = Map.groupBy(facts, ({ answer }) => plain(answer))
  return ({ donor, subject, answer, relation, prompt }) => {
    if (donor !== undefined) return { subject: donor, by: 'given' }
    const others = (byAnswer.get(plain(answer)) ?? []).filter((fact) => plain(fact.subject) !== plain(subject))
    const template = templateOf(prompt, subject)
    const nearest = (found: readonly Fact[]): string | undefined => {
      const away = (fact: Fact): number => Math.abs(lengthOf(fact.subject) - lengthOf(subject))
      return found.toSorted((a, b) => away(a) - away(b))[0]?.subject
    }
    const ofRelation = nearest(others.filter((fact) => relation !== undefined && fact.relation === relation))
    if (ofRelation !== undefined) return { subject: ofRelation, by: 'relation' }
    const rest = others.filter((fact) => relation === undefined || fact.relation === undefined)
    const ofTemplate = nearest(
      rest.filter((fact) => fact.prompt !== undefined && templateOf(fact.prompt, fact.subject) === template),
    )
    if (ofTemplate !== undefined) return { subject: ofTemplate, by: 'template' }
    const any = nearest(rest)
    return any === undefined ? undefined : { subject: any, by: 'answer' }
  }
}

const templateOf = (prompt: string, subject: string): string => prompt.replace(subject, () => '{}')

/** What the cases of a file say is true of their subjects. */
export const factsOf = (cases: readonly EditCase[]): Fact[] =>
  cases.flatMap(({ subject, truth, relation, prompt }) =>
    truth === undefined ? [] : [{ subject, answer: truth, relation, prompt }],
  )
