/** The pinned version of every part that the lab builds. A new version is built in addition to the old one. */
export const versions = {
  kubernetes: '1.36.3',
  etcd: '3.6.8',
  containerd: '2.2.9',
  /** The tag under which Docker Hub publishes what Debian packages. */
  busybox: '1.37',
  externalSecrets: '0.12.1',
  helm: '3.22.0',
} as const;
