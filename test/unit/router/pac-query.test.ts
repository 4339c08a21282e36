import { test } from 'tap'
import { asBrowserSees } from '../../../src/pac-engine/browser-url.ts'
import { pacQuery } from '../../../src/router/pac-query.ts'
import { queryFor } from '../../fixtures/route-query.ts'

test('what the script sees', async (t) => {
  const rows: [text: string, host: string, url: string, containersUrl: string][] = [
    ['http://a.example/p/q?r=s', 'a.example', 'http://a.example/p/q?r=s', 'http://a.example:80'],
    ['http://a.example:8080/p', 'a.example', 'http://a.example:8080/p', 'http://a.example:8080'],
    ['http://A.Example.', 'a.example', 'http://a.example/', 'http://a.example:80'],
    ['https://a.example/p/q?r=s', 'a.example', 'https://a.example/', 'https://a.example:443'],
    ['https://a.example:8443/p', 'a.example', 'https://a.example:8443/', 'https://a.example:8443'],
    ['a.example:443', 'a.example', 'https://a.example/', 'https://a.example:443'],
    ['a.example:80', 'a.example', 'http://a.example/', 'http://a.example:80'],
    ['a.example:22', 'a.example', 'https://a.example:22/', 'https://a.example:22'],
    ['10.0.0.1:443', '10.0.0.1', 'https://10.0.0.1/', 'https://10.0.0.1:443'],
    ['[2001:DB8::1]:443', '2001:db8::1', 'https://[2001:db8::1]/', 'https://[2001:db8::1]:443'],
    ['http://[2001:db8::1]:8080/x', '2001:db8::1', 'http://[2001:db8::1]:8080/x', 'http://[2001:db8::1]:8080'],
    [
      'http://bücher.example',
      'xn--bcher-kva.example',
      'http://xn--bcher-kva.example/',
      'http://xn--bcher-kva.example:80',
    ],
    ['http://a.example:443/', 'a.example', 'http://a.example:443/', 'http://a.example:443'],
    ['https://a.example:80/', 'a.example', 'https://a.example:80/', 'https://a.example:80'],
  ]
  for (const [text, host, url, containersUrl] of rows) {
    t.same(pacQuery(queryFor(text, 'host')), { url, host }, text)
    t.same(pacQuery(queryFor(text, 'containers')), { url: containersUrl, host }, `${text} of containers`)
  }
  t.equal(pacQuery({ ...queryFor('http://a.example/'), path: '*' }).url, 'http://a.example/', 'OPTIONS *')
})

test('the path is what a browser’s URL parser makes of it', (t) => {
  const rows: [path: string, seen: string][] = [
    ['/public/../private', '/private'],
    ['/public/%2e%2E/private/x', '/private/x'],
    ['/public/.%2e/private', '/private'],
    ['/public\\..\\private', '/private'],
    ['/a/./b/..', '/a/'],
    ['/../../x', '/x'],
    ['/a/...', '/a/...'],
    ['/a/.hidden?x=/../y', '/a/.hidden?x=/../y'],
    ['//other.example/a/../b', '//other.example/b'],
    ['/b|c"<>', '/b|c%22%3C%3E'],
    ['/caf\xc3\xa9?q=\xc3\xa9', '/caf%C3%A9?q=%C3%A9'],
    ['/%70rivate/%2F%c3%a9%zz', '/%70rivate/%2F%c3%a9%zz'],
    ['/p?q=a"b\'c', '/p?q=a%22b%27c'],
    ['/a;b=1,2/(c)!*~$&@:+_-', '/a;b=1,2/(c)!*~$&@:+_-'],
    ['/?', '/?'],
    ['/a/../?', '/?'],
  ]
  for (const [path, seen] of rows) {
    const { url } = pacQuery({ ...queryFor('http://a.example/'), path })
    t.equal(url, `http://a.example${seen}`, path)
    t.equal(asBrowserSees(url)?.url, url, `${path}: nothing is left for a browser to change`)
    if (!/[^!-~]/.test(path)) t.equal(asBrowserSees(`http://a.example${path}`)?.url, url, `${path}: as pac eval has it`)
  }
  t.end()
})
