// Writes generated/onnx_pb.{js,d.ts} from proto/onnx.proto.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
execFileSync('buf', ['generate', 'proto', '--template', 'buf.gen.yaml'], { cwd: root, stdio: 'inherit' })
