import { describe, expect, it } from 'vitest';
import { runtimeAdvice } from '../../../src/nodes/runtime-advice.ts';

describe('the advice for a container runtime that does not use the mirrors', () => {
  it('sets config_path in the format of containerd 1.7', () => {
    expect(runtimeAdvice('containerd://1.7.27')).toEqual({
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
      expect(runtimeAdvice(`containerd://${version}`)?.lines).toEqual([
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
    expect(runtimeAdvice('containerd://1.6.20~ds1')?.lines?.[0]).toBe(
      '# containerd 1.6 does not use these files: first upgrade to 1.7 or later',
    );
  });

  it('is a restart of CRI-O, because the agent writes all of its files', () => {
    expect(runtimeAdvice('cri-o://1.33.2')).toEqual({ restart: 'systemctl restart crio' });
  });

  it.each(['docker://27.0.1', '', 'containerd'])('does not exist for the runtime "%s"', (runtime) => {
    expect(runtimeAdvice(runtime)).toBeUndefined();
  });
});
