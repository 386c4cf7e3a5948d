/** How the next command is typed: from the repository, or where the package is installed. */
export const INVOCATION = import.meta.url.endsWith('.ts') ? 'npm run stem --' : 'npx stem'
