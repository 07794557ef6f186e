import type { Command } from 'commander';
import { images, type ImagesOptions } from '../run/images.ts';
import { examples, type Launch } from './launch.ts';

export function define(command: Command, launch: Launch): void {
  command
    .option('--from-cluster', 'only the images that the cluster uses')
    .option('--platform <platforms>', 'cluster, all, or a list such as linux/amd64,linux/arm64')
    .action((options: ImagesOptions) => launch(command, (session) => images(session, options)));
  examples(command, [
    ['ecr-bootstrap images', 'every wanted image and its place in the ECR'],
    ['ecr-bootstrap images --from-cluster', 'what workloads have to be changed to'],
    [
      'ecr-bootstrap images --from-cluster -q >images.txt',
      'a list for mirror --from-file, where there is no internet',
    ],
  ]);
}
