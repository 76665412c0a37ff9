import { describe, expect, it } from '@jest/globals';
import { egressFetch } from './index.ts';

/** What attackers write for a host that they may not reach; a name is looked up as what its owner would answer. */
const answers: Readonly<Record<string, readonly string[]>> = {
  'localhost': ['::1', '127.0.0.1'], 'app.localhost': ['127.0.0.1'], 'localtest.me': ['127.0.0.1'], '127.0.0.1.nip.io': ['127.0.0.1'], 'metadata.google.internal': ['169.254.169.254'], 'mapped.example': ['::ffff:127.0.0.1'],
  'nat64.example': ['64:ff9b::a9fe:a9fe'], 'zone.example': ['fe80::1%eth0'], 'many.example': ['10.0.0.1', '127.0.0.1', '::1', '192.168.0.1'], 'octal.example': ['0177.0.0.1'], 'garbage.example': ['localhost', ''], 'xn--lcalhost-n4a.example': ['127.0.0.1'],
  'kubernetes.default.svc': ['10.96.0.1'], 'intranet': ['192.168.0.10'], 'six.example': ['2002:7f00:1::1'], 'teredo.example': ['2001:0:4136:e378:8000:63bf:80ff:fffe'], 'zero.example': ['0.0.0.0'], 'ula.example': ['fd00::1'],
};
const fetch = egressFetch({ resolver: async (name) => answers[name] ?? [] });

describe('egressFetch reaches none of', () => {
  it.each([
    'http://127.0.0.1/', 'http://127.1/', 'http://127.0.1/', 'http://2130706433/', 'http://017700000001/', 'http://0x7f000001/', 'http://0x7f.0x0.0x0.0x1/', 'http://0177.0.0.1/', 'http://0177.0.0.01/', 'http://0x7f.1/', 'http://127.0.0.1./', 'http://127.127.127.127/',
    'http://0/', 'http://0.0.0.0/', 'http://0x0/', 'http://000.0.0.0/', 'http://4294967295/', 'http://10.1/', 'http://0xa9fea9fe/', 'http://2852039166/', 'http://0251.0376.0251.0376/', 'http://169.254.43518/', 'http://169.16689662/', 'http://169.254.169.254/latest/meta-data/',
    'http://[::]/', 'http://[::1]/', 'http://[0:0:0:0:0:0:0:1]/', 'http://[::ffff:127.0.0.1]/', 'http://[::ffff:7f00:1]/', 'http://[0:0:0:0:0:ffff:169.254.169.254]/', 'http://[::127.0.0.1]/', 'http://[::ffff:0:127.0.0.1]/', 'http://[64:ff9b::127.0.0.1]/', 'http://[64:ff9b:1::7f00:1]/',
    'http://[2002:7f00:1::]/', 'http://[2002:a9fe:a9fe::1]/', 'http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/', 'http://[fd00:ec2::254]/', 'http://[fe80::1]/', 'http://[fec0::1]/', 'http://[ff02::1]/',
    'http://①②⑦.⓪.⓪.①/', 'http://１２７.０.０.１/', 'http://127。0。0。1/', 'http://⑯⑨。②⑤④。⑯⑨｡②⑤④/', 'http://%31%32%37.0.0.1/', 'http://127%2e0%2e0%2e1/', 'http://0x7f。1/', 'http://loc\u00adalhost/', 'http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/',
    ...Object.keys(answers).map((name) => `http://${name}/`), 'http://LOCALHOST/', 'http://localhost./', 'https://localhost/',
  ])('%s, whose address is refused', async (url) => {
    await expect(fetch(url)).rejects.toMatchObject({ code: 'ERR_EGRESS_ADDRESS' });
  });
  it.each([
    'http://example.com@127.0.0.1/', 'http://127.0.0.1@example.com/', 'http://user:password@example.com/', 'http://@:@example.com:1/', 'http://example.com#@127.0.0.1:22/\\', 'http://example.com\\@127.0.0.1/', 'http:\\\\127.0.0.1\\', 'http://127.0.0.1:80\\@example.com/', 'http://example.com&@127.0.0.1#@x/',
    'http://[fe80::1%25eth0]/', 'http://[fe80::1%eth0]/', 'http://[::1', 'http://::1/', 'http://127.0.0.1:80:80/', 'http://127.0.0.256/', 'http://1.2.3.4.5/', 'http://0x100000000/', 'http://127.0.0.1%00.example.com/', 'http://127.0.0.1%0d%0aHost:x/', 'http://example.com%23@127.0.0.1/',
    'http://exa\r\nmple.com/', 'http://127.0.0.1\r\n/', 'http://example.com/\r\nHost: 127.0.0.1', 'http://example.com/ HTTP/1.1', '\thttp://127.0.0.1/', ' http://127.0.0.1/', 'ht\ntp://127.0.0.1/', 'http://example.com/\0', 'http://127.0.0.1\t.example.com/',
    'file:///etc/passwd', 'file://127.0.0.1/etc/passwd', 'gopher://127.0.0.1:6379/_INFO', 'dict://127.0.0.1:11211/', 'ftp://127.0.0.1/', 'ldap://127.0.0.1/', 'tftp://127.0.0.1/', 'jar:http://127.0.0.1!/', 'data:text/plain,x', 'javascript:1', 'blob:http://127.0.0.1/', 'ws://127.0.0.1/', 'unix:/run/docker.sock', 'http+unix://x/', 'netdoc:///etc/passwd', 'view-source:http://127.0.0.1/',
    '//127.0.0.1/', '/etc/passwd', '127.0.0.1', 'example.com', '', '?', 'http://', 'http:///', 'https://', 'http:// /', `http://example.com/${'a'.repeat(2048)}`,
    'http://example.com:22/', 'http://example.com:6379/', 'http://example.com:0/', 'http://example.com:65536/', 'https://example.com:8443/', 'http://example.com:25/', 'http://127.0.0.1:2375/', 'http://xn--a/',
  ])('%j, which is no URL to follow', async (url) => {
    await expect(fetch(url)).rejects.toMatchObject({ code: 'ERR_EGRESS_URL' });
  });
});
