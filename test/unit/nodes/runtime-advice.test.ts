import { describe, expect, it } from 'vitest';
import { runtimeAdvice } from '../../../src/nodes/runtime-advice.ts';

const mirrors = {
  host: '1.dkr.ecr.eu-west-1.amazonaws.com',
  project: 'shop',
  hosts: ['docker.io', 'quay.io'],
};

describe('the advice for a container runtime that does not use the mirrors', () => {
  it('sets config_path in the format of containerd 1.7', () => {
    expect(runtimeAdvice('containerd://1.7.27', mirrors)).toEqual({
      lines: [
        '# In /etc/containerd/config.toml, set config_path in this section. If the section exists, change its line.',
        '# The file must begin with: version = 2',
        '[plugins."io.containerd.grpc.v1.cri".registry]',
        '  config_path = "/etc/containerd/certs.d"',
        '# If the sections registry.mirrors or registry.configs.*.tls exist, delete them.',
        '# containerd refuses them together with config_path.',
        '# Before the restart, check the file: containerd config dump',
      ],
      restart: 'systemctl restart containerd',
    });
  });

  it.each(['2.0.5', '2.1.4', '2.2.9', '3.0.0-rc.1'])(
    'sets config_path in the format of containerd %s',
    (version) => {
      expect(runtimeAdvice(`containerd://${version}`, mirrors)?.lines).toEqual([
        '# In /etc/containerd/config.toml, set config_path in this section. If the section exists, change its line.',
        '# If the file begins with version = 2, the section is: [plugins."io.containerd.grpc.v1.cri".registry]',
        "[plugins.'io.containerd.cri.v1.images'.registry]",
        '  config_path = "/etc/containerd/certs.d"',
        '# If the sections registry.mirrors or registry.configs.*.tls exist, delete them.',
        '# containerd refuses them together with config_path.',
        '# Before the restart, check the file: containerd config dump',
      ]);
    },
  );

  it('says that containerd 1.6 needs an upgrade first', () => {
    expect(runtimeAdvice('containerd://1.6.20~ds1', mirrors)?.lines[0]).toBe(
      '# containerd 1.6 does not use these files: first upgrade to 1.7 or later',
    );
  });

  it('redirects every host in the configuration of CRI-O, and says that its login needs renewal', () => {
    expect(runtimeAdvice('cri-o://1.33.2', mirrors)).toEqual({
      lines: [
        '# /etc/containers/registries.conf.d/50-ecr-bootstrap.conf',
        '[[registry]]',
        'prefix = "docker.io"',
        'location = "1.dkr.ecr.eu-west-1.amazonaws.com/shop/docker.io"',
        '[[registry]]',
        'prefix = "quay.io"',
        'location = "1.dkr.ecr.eu-west-1.amazonaws.com/shop/quay.io"',
        '# /etc/crio/crio.conf.d/50-ecr-bootstrap.conf',
        '[crio.image]',
        'global_auth_file = "/etc/crio/ecr-auth.json"',
        'auto_reload_registries = true',
        '# /etc/crio/ecr-auth.json, mode 0600. LOGIN is the base64 form of AWS:TOKEN. A token expires after 12 hours',
        '# and ecr-bootstrap does not renew this file, so write it at least every 11 hours, for example by a timer.',
        '{"auths": {"1.dkr.ecr.eu-west-1.amazonaws.com": {"auth": "LOGIN"}}}',
      ],
      restart: 'systemctl restart crio',
    });
  });

  it.each(['docker://27.0.1', '', 'containerd'])('does not exist for the runtime "%s"', (runtime) => {
    expect(runtimeAdvice(runtime, mirrors)).toBeUndefined();
  });
});
