import { definePage } from '../page.ts'

/** Fails beside its work, which never ends. */
export const throwingLaterPage = definePage(import.meta.url, () => {
  setTimeout(() => {
    throw new TypeError('no luck later')
  })
  return new Promise<never>(() => {})
})
