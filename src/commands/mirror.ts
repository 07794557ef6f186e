import { type Command, Option } from 'commander';
import { mirror, type MirrorCommandOptions } from '../run/mirror.ts';
import { examples, hosts, type Launch } from './launch.ts';

export function define(command: Command, launch: Launch): void {
  command
    .argument('[references...]', 'images to copy; default: the list of the configuration and the cluster')
    .option('-f, --from-file <file>', 'read references from a file, one a line; - for standard input')
    .option('--from-cluster', 'the images that the cluster uses')
    .addOption(new Option('--engine <engine>', 'how to copy').choices(['auto', 'registry', 'docker']))
    .option('--docker-host <address>', 'Docker engine to use; default: as the docker command finds it')
    .option('--platform <platforms>', 'cluster, all, or a list such as linux/amd64,linux/arm64')
    .option('--no-clobber', 'leave tags alone that exist in the ECR')
    .option('--insecure-registry <hosts>', 'source registries to be spoken to by plain HTTP', hosts)
    .option('--failed-to <file>', 'write the references that failed or were not come to, for --from-file')
    .option('--dry-run', 'show what would be copied')
    .action((references: string[], options: MirrorCommandOptions) =>
      launch(command, (session) => mirror(session, references, options)),
    );
  examples(command, [
    ['ecr-bootstrap mirror nginx:1.28 quay.io/prometheus/prometheus:v3.1.0', 'these two'],
    ['ecr-bootstrap mirror --from-file images.txt', 'a list'],
    ['kubectl set image deploy/web web=$(ecr-bootstrap mirror -q nginx:1.28)', 'copy and use'],
  ]);
}
