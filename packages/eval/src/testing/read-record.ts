import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const parse = (url: URL): unknown => JSON.parse(gunzipSync(readFileSync(url)).toString())

/** A record of the harness that the package carries. */
export const readRecord = (name: string): unknown =>
  parse(new URL(`../../fixtures/records/${name}.json.gz`, import.meta.url))

/** A record that is only beside the project (its rows may not be passed on); undefined where it is absent. */
export const readSharedRecord = (name: string): unknown => {
  const url = new URL(`../../../../../shared/oracle-eval/${name}.json.gz`, import.meta.url)
  return existsSync(url) ? parse(url) : undefined
}
