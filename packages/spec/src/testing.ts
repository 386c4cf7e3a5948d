export { rowDriverConformance, type ConformanceTest } from './testing/row-driver.ts'
