import { Readable, Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { createReporter, type Header } from '../../../src/output/index.ts';

function headerOf(header: Header): string[] {
  let text = '';
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      text += chunk.toString();
      done();
    },
  });
  const reporter = createReporter({
    command: 'up',
    format: 'text',
    verbosity: 'normal',
    color: 'never',
    wide: false,
    sandbox: false,
    cwd: '/home/ann/prod',
    streams: { stdin: Readable.from([]), stdout: stream, stderr: stream },
    env: { HOME: '/home/ann' },
  });
  reporter.header(header);
  return text.trimEnd().split('\n');
}

const kubeconfig = ['/home/ann/.kube/config'];

it('shows the configuration relative to the working folder and the kubeconfig relative to home', () => {
  expect(headerOf({ sandbox: false, config: '/home/ann/prod/ecr-bootstrap.yaml', kubeconfig })).toEqual([
    'Config    ./ecr-bootstrap.yaml  ~/.kube/config',
  ]);
});

it('shows other paths in full', () => {
  expect(headerOf({ sandbox: false, config: '/etc/eb.yaml', kubeconfig: ['/home/anna/config'] })).toEqual([
    'Config    /etc/eb.yaml  /home/anna/config',
  ]);
});

it('says that there is no configuration file and no kubeconfig', () => {
  expect(headerOf({ sandbox: false, kubeconfig: [] })).toEqual(['Config    (no file)  (no kubeconfig)']);
});

it('puts long paths on separate lines within 80 columns, and keeps their first folders and their ends', () => {
  const long = `/srv/${'team/'.repeat(12)}ecr-bootstrap.yaml`;
  const lines = headerOf({ sandbox: false, config: long, kubeconfig: [...kubeconfig, '/srv/other'] });
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(/^Config {4}\/srv\/….*\/team\/ecr-bootstrap\.yaml$/);
  expect(lines.slice(1)).toEqual(['          ~/.kube/config', '          /srv/other']);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
});
