import type { Command } from 'commander'
import { vi } from 'vitest'
import { report } from '../terminal/exit.ts'

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command as `stem` does, in this process. `onOutput` is told of everything that goes to stdout. */
export async function runCommand(
  command: Command,
  args: readonly string[],
  onOutput: (text: string) => void = () => {},
): Promise<Outcome> {
  const said = { stdout: '', stderr: '' }
  const capture = (name: keyof typeof said, onText: (text: string) => void) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      said[name] += String(chunk)
      onText(String(chunk))
      return true
    })
  const spies = [capture('stdout', onOutput), capture('stderr', () => {})]
  const signals = ['SIGINT', 'SIGTERM'] as const
  const before = signals.map((signal) => process.listeners(signal))
  try {
    await command.exitOverride().parseAsync([...args], { from: 'user' })
    return { code: 0, ...said }
  } catch (error) {
    const code = report(error)
    return { code, ...said }
  } finally {
    for (const spy of spies) spy.mockRestore()
    signals.forEach((signal, i) => {
      for (const listener of process.listeners(signal)) {
        if (!before[i]!.includes(listener)) process.removeListener(signal, listener)
      }
    })
  }
}
