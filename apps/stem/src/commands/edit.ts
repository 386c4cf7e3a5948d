import { Command } from 'commander'
import {
  applyVerb,
  diffVerb,
  evalVerb,
  exportVerb,
  importVerb,
  injectVerb,
  listVerb,
  planVerb,
  previewVerb,
  undoVerb,
} from '../edit/verbs.ts'

/** What a model knows, changed by rows. */
export function editCommand(): Command {
  const edit = new Command('edit').description('change what a model knows by the rows of its tables, and take it back')
  const verbs = [
    planVerb(),
    previewVerb(),
    applyVerb(),
    injectVerb(),
    listVerb(),
    diffVerb(),
    undoVerb(),
    exportVerb(),
    importVerb(),
    evalVerb(),
  ]
  for (const verb of verbs) edit.addCommand(verb)
  return edit
}
