import { forgetSecrets } from '../../src/core/secret.ts';

/** Isolates every test from the developer's AWS, Kubernetes, Docker, proxy and certificate settings. */
const personal =
  /^(AWS_|ECR_BOOTSTRAP_|KUBE|DOCKER_|NODE_EXTRA_CA_CERTS$|HTTPS?_PROXY$|NO_PROXY$|https?_proxy$|no_proxy$|all_proxy$|ALL_PROXY$)/;

for (const name of Object.keys(process.env)) {
  if (personal.test(name)) delete process.env[name];
}
process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

// Files share a process, and masking the secrets of all earlier files would take most of the time.
forgetSecrets();
