import { describe, expect, test } from 'vitest'
import { nameOf, parseRedisUrl } from './url.ts'

describe('the URL of rows in Redis', () => {
  test('names a server, a user, a database and settings', () => {
    expect(parseRedisUrl('redis://me:a%3Ab:c@cache.example:6380/2?prefix=x&timeout=500&durability=process')).toEqual({
      addresses: [{ host: 'cache.example', port: 6380 }],
      cluster: false,
      tls: false,
      username: 'me',
      password: 'a:b:c',
      database: 2,
      settings: { prefix: 'x', timeout: 500, durability: 'process' },
    })
  })

  test('has the usual port and database 0 unless it says otherwise', () => {
    for (const url of ['redis://localhost', 'valkey://localhost/', 'redis://:secret@localhost:6379/0']) {
      expect(parseRedisUrl(url)).toMatchObject({ addresses: [{ host: 'localhost', port: 6379 }], database: 0 })
    }
    expect(parseRedisUrl('redis://:secret@localhost')).toMatchObject({ username: undefined, password: 'secret' })
  })

  test('may want TLS', () => {
    for (const scheme of ['rediss', 'valkeys', 'rediss+cluster']) {
      expect(parseRedisUrl(`${scheme}://h`).tls).toBe(true)
    }
  })

  test('may name some nodes of a cluster, by IPv6 too', () => {
    const { addresses, cluster } = parseRedisUrl('valkey+cluster://user:pw@a:7000,b,[::1]:7002?prefix=x')
    expect(cluster).toBe(true)
    expect(addresses.map(nameOf)).toEqual(['a:7000', 'b:6379', '[::1]:7002'])
  })

  test('may name a Unix socket', () => {
    expect(parseRedisUrl('redis+unix:///run/my%20redis.sock?database=3')).toMatchObject({
      addresses: [{ path: '/run/my redis.sock' }],
      database: 3,
    })
  })

  test.each([
    ['http://localhost', 'has to look like redis://'],
    ['redis:localhost', 'has to look like redis://'],
    ['redis://', "'' is no host:port"],
    ['redis://h:0', "'h:0' is no host:port"],
    ['redis://h:99999', 'is no host:port'],
    ['redis+cluster://a:1,,b:2', "'' is no host:port"],
    ['redis://h/one', "'one' is not the number of a database"],
    ['redis://h?prefx=a', "'prefx=a' in the URL"],
    ['redis://h?timeout=soon', "'timeout=soon' in the URL"],
    ['redis://h?durability=none', "'durability=none' in the URL"],
    ['redis://u:100%@h', 'percent sign'],
  ])('is refused as %s', (url, message) => {
    expect(() => parseRedisUrl(url)).toThrow(message)
  })

  test('is refused without repeating the password', () => {
    for (const url of [
      'http://u:hunter2@h',
      'redis://u:hunter2@h:x',
      'redis://u:hunter2%@h',
      'redis://u:hunter2@h/x?y',
    ]) {
      expect(() => parseRedisUrl(url)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
      )
    }
  })
})
