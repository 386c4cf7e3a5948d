import { Command } from 'commander'
import { benchVerb, copyVerb, createVerb, infoVerb, snapshotVerb, verifyVerb } from '../store/verbs.ts'

/** Tables by URL. */
export function storeCommand(): Command {
  const store = new Command('store').description(
    'make, look at, copy, check and measure tables of rows in files and databases',
  )
  const verbs = [createVerb(), infoVerb(), copyVerb(), verifyVerb(), snapshotVerb(), benchVerb()]
  for (const verb of verbs) store.addCommand(verb)
  return store
}
