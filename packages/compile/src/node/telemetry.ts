/**
 * From version 1.29 on, ONNX Runtime reports its use to its makers, and to do so matches the command line with patterns that
 * take stack for each letter: a prompt of some thousand letters ends the process. Both are off unless
 * `ORT_DISABLE_TELEMETRY` is set already. To be called before the library starts; in a worker thread it only reaches the
 * library where the worker shares its environment.
 */
export function disableTelemetry(): void {
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1'
}
