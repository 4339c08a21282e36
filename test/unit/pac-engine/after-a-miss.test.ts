import t from 'tap'
import { mayGoOn } from '../../../src/pac-engine/after-a-miss.ts'

t.test('what can run something after an exception', async (t) => {
  const scripts = [
    'try { dnsResolve(host) } catch (e) {}',
    'if (a) try{ f() } finally { g() }',
    'try\n\n\t{ f() } catch (e) {}',
    'try\u00a0\u2028{ f() } catch (e) {}',
    'try /* why */ { f() } catch (e) {}',
    'try// why\n{ f() } catch (e) {}',
    'try <!-- why\n{ f() } catch (e) {}',
    'try\n--> why\n{ f() } catch (e) {}',
    'eval("try { f() } catch (e) {}")',
    'once[Symbol.iterator] = f',
    'list.return = f',
    "list['return'] = f",
  ]
  t.same(
    scripts.filter((script) => !mayGoOn(script)),
    [],
  )
})

t.test('prose can not', async (t) => {
  const scripts = [
    '// try the proxy first\nreturn "DIRECT"',
    '/* We try, */ f()',
    'alert("retry, or try again")',
    'var entry = { entry: 1 }',
    '// Internal hosts go direct.\n  return "DIRECT"',
  ]
  t.same(scripts.filter(mayGoOn), [])
})

t.test('takes no longer for a hostile text than for another', async (t) => {
  for (const piece of ['try ', 'try/', 'try\n', 'try <!-', 'try --']) {
    const before = process.cpuUsage()
    mayGoOn(piece.repeat(200_000))
    mayGoOn(`try${' '.repeat(1_000_000)}`.concat(piece.repeat(1_000)))
    const { user, system } = process.cpuUsage(before)
    t.ok((user + system) / 1000 < 2_000, JSON.stringify(piece))
  }
})
