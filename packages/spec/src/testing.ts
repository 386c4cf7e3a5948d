export { languageModelConformance, type LanguageModelSuite } from './testing/language-model.ts'
export {
  rowDriverConformance,
  type ConformanceTest,
  type ReadOnlyRowsSuite,
  type RowContent,
  type RowDriverAbility,
  type WritableRowsSuite,
} from './testing/row-driver.ts'
