import type { ClusterPort, Kind, KubeObject } from '../../src/clients/kubernetes/port.ts';

/** A cluster that has these objects, and can only be read. Of field selectors, it reads the name. */
export function clusterWith(objects: readonly KubeObject[]): ClusterPort {
  const ofKind = ({ apiVersion, kind }: Kind): readonly KubeObject[] =>
    objects.filter((object) => object.kind === kind && object.apiVersion === apiVersion);
  const reads: Pick<ClusterPort, 'serves' | 'list' | 'get'> = {
    serves: () => Promise.resolve(true),
    list: (kind, { namespace, fieldSelector = '' } = {}) => {
      const [, wanted] = /(?:^|,)metadata\.name=([^,]+)/.exec(fieldSelector) ?? [];
      const isListed = ({ metadata }: KubeObject): boolean =>
        (namespace ?? metadata.namespace) === metadata.namespace &&
        (wanted ?? metadata.name) === metadata.name;
      return Promise.resolve(ofKind(kind).filter(isListed));
    },
    get: ({ name, namespace, ...kind }) =>
      Promise.resolve(
        ofKind(kind).find(({ metadata }) => metadata.name === name && metadata.namespace === namespace),
      ),
  };
  return reads as ClusterPort;
}
