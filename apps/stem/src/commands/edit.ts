import { Command } from 'commander'
import { applyVerb, exportVerb, importVerb, undoVerb } from '../edit/change.ts'
import { evalVerb } from '../edit/eval/eval.ts'
import { injectVerb } from '../edit/inject/inject.ts'
import { diffVerb, listVerb } from '../edit/look.ts'
import { planVerb } from '../edit/plan.ts'
import { previewVerb } from '../edit/preview.ts'

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
