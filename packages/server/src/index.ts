export { createChatTemplate, type ChatMessage, type ChatTemplate, type ChatTemplateOptions } from './chat-template.ts'
export { createServer, type StemServer } from './create-server.ts'
export type { GenerationRecord, RequestRecord, ServerObserver } from './observer.ts'
export type { ServedModel, ServerLimits, ServerOptions } from './options.ts'
