/** Hash slots of a Redis cluster. */
export const SLOTS = 16384

/** The slot of a key, or of the hash tag within it: CRC16 (XMODEM) modulo 16384, as the cluster specification has it. */
export function slotOf(tag: string): number {
  let crc = 0
  for (let i = 0; i < tag.length; i++) crc = ((crc << 8) & 0xffff) ^ CRC16[(crc >> 8) ^ (tag.charCodeAt(i) & 0xff)]!
  return crc % SLOTS
}

const CRC16 = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  return crc
})

/** A part of the keys that always lies on one node. */
export interface Shard {
  /** What the names of its keys begin with, `{prefix:3.41}`: the braces make the slot depend on nothing else. */
  readonly keys: string
  readonly slot: number
}

/** Where the few keys lie that are not rows. */
export const homeOf = (prefix: string): Shard => ({ keys: `{${prefix}}`, slot: slotOf(prefix) })

/**
 * The shards that rows are spread over. Nodes serve ranges of slots, so the slots are cut into as many equal ranges, and
 * each shard is named such that its slot falls into its own: every node then has its fair share, to within two shards.
 */
export function shardsOf(prefix: string, count: number): Shard[] {
  return Array.from({ length: count }, (_, range) => {
    for (let n = 0; ; n++) {
      const tag = `${prefix}:${range}.${n}`
      const slot = slotOf(tag)
      if (Math.floor((slot * count) / SLOTS) === range) return { keys: `{${tag}}`, slot }
    }
  })
}
