import { definePage } from '../page.ts'

export const failingPage = definePage(import.meta.url, async () => {
  throw new TypeError('no luck')
})
