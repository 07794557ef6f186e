import { Readable, Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { createReporter, type Header } from '../../../src/output/index.ts';

function headerOf(header: Header, { verbose = false, columns = 80 } = {}): string[] {
  let text = '';
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      text += chunk.toString();
      done();
    },
  });
  const stream = Object.assign(sink, { columns });
  const reporter = createReporter({
    command: 'up',
    format: 'text',
    verbosity: verbose ? 'verbose' : 'normal',
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

const whole: Header = {
  sandbox: false,
  project: 'demo',
  caller: 'arn:aws:sts::123456789012:assumed-role/Admin/ann',
  account: '123456789012',
  region: 'eu-west-1',
  registry: '123456789012.dkr.ecr.eu-west-1.amazonaws.com',
  context: 'prod',
  server: 'https://prod.example.com:6443',
  version: 'v1.36.3',
  config: '/home/ann/prod/ecr-bootstrap.yaml',
  kubeconfig,
};

it('shows account, region, caller, cluster, version, project and files on three lines', () => {
  expect(headerOf(whole)).toEqual([
    'AWS       123456789012  eu-west-1  as assumed-role/Admin/ann',
    'Cluster   prod  v1.36.3            project demo',
    'Config    ./ecr-bootstrap.yaml     ~/.kube/config',
  ]);
});

it('adds the registry and the address of the API when verbose', () => {
  expect(headerOf(whole, { verbose: true })).toEqual([
    'AWS       123456789012  eu-west-1  as assumed-role/Admin/ann',
    'Registry  123456789012.dkr.ecr.eu-west-1.amazonaws.com',
    'Cluster   prod  v1.36.3            project demo',
    'API       https://prod.example.com:6443',
    'Config    ./ecr-bootstrap.yaml     ~/.kube/config',
  ]);
});

it('shows the project on its own line if the cluster is unknown', () => {
  const { context: _context, version: _version, ...header } = whole;
  expect(headerOf(header).slice(0, 2)).toEqual([
    'AWS       123456789012  eu-west-1  as assumed-role/Admin/ann',
    'Project   demo',
  ]);
});

it.each([40, 80, 120])('fits %i columns with long names', (columns) => {
  const context = `arn:aws:eks:eu-west-1:123456789012:cluster/${'production-'.repeat(12)}`;
  const caller = `arn:aws:sts::123456789012:assumed-role/${'Administrator'.repeat(4)}/${'ann'.repeat(20)}`;
  const lines = headerOf({ ...whole, context, caller }, { verbose: true, columns });
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
  expect(lines.join('').replaceAll(' ', '')).toContain(context);
});
