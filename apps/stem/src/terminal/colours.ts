import pc from 'picocolors'

/** Colours where a stream is a terminal and nobody asked for none (NO_COLOR). */
export const coloursFor = (stream: NodeJS.WriteStream): ReturnType<typeof pc.createColors> =>
  pc.createColors(stream.isTTY && !process.env['NO_COLOR'])
