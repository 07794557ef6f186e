import type { HelpTopic } from './topic.ts';

export const environment: HelpTopic = {
  name: 'environment',
  title: 'Environment variables',
  sections: [
    {
      heading: 'Settings of ecr-bootstrap',
      columns: ['Variable', 'Sets'],
      entries: [
        [['ECR_BOOTSTRAP_CONFIG'], 'the configuration file, like `-c`; `/dev/null` for none'],
        [['ECR_BOOTSTRAP_PROJECT'], '`project`, like `--project`'],
        [['ECR_BOOTSTRAP_PROFILE'], '`aws.profile`, like `--profile`'],
        [['ECR_BOOTSTRAP_REGION'], '`aws.region`, like `--region`'],
        [['ECR_BOOTSTRAP_ACCOUNT_ID'], '`aws.accountId`, like `--account-id`'],
        [['ECR_BOOTSTRAP_KUBECONFIG'], '`cluster.kubeconfig`, like `--kubeconfig`'],
        [['ECR_BOOTSTRAP_CONTEXT'], '`cluster.context`, like `--context`'],
        [
          ['ECR_BOOTSTRAP_PLATFORM'],
          '`images.platforms`, like `--platform`: `cluster`, `all`, or a list with commas',
        ],
        [['ECR_BOOTSTRAP_ENGINE'], '`mirror.engine`, like `--engine`'],
        [['ECR_BOOTSTRAP_MANIFEST'], '`externalSecrets.manifest`, like `--manifest`'],
        [['ECR_BOOTSTRAP_RELEASE'], 'only for `install.sh`: the URL of a folder with the files of a release'],
      ],
      notes: [
        'A flag has precedence over its variable, and the variable over the configuration file. Any other variable that begins with `ECR_BOOTSTRAP_` causes a warning.',
      ],
    },
    {
      heading: 'AWS',
      columns: ['Variable', 'Use'],
      entries: [
        [
          ['AWS_PROFILE', 'AWS_DEFAULT_PROFILE'],
          'the profile, if no flag, `ECR_BOOTSTRAP_PROFILE` or configuration file sets it',
        ],
        [
          ['AWS_REGION', 'AWS_DEFAULT_REGION'],
          "the region, if no flag, `ECR_BOOTSTRAP_REGION` or configuration file sets it; replaces the profile's region",
        ],
        [
          ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'],
          'credentials, if no profile is named',
        ],
        [
          ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE'],
          'the files of the AWS CLI; default: `config` and `credentials` in `~/.aws`',
        ],
        [
          ['AWS_WEB_IDENTITY_TOKEN_FILE', 'AWS_ROLE_ARN'],
          'a role with web identity, if the profile has no credentials',
        ],
        [
          ['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'AWS_CONTAINER_CREDENTIALS_FULL_URI'],
          "a container's role, if none of the above gives credentials",
        ],
        [['AWS_EC2_METADATA_DISABLED'], 'any value but `false`: do not use the role of the EC2 instance'],
        [['AWS_MAX_ATTEMPTS'], 'attempts for each request; if it is unset, reads of repositories have ten'],
      ],
      notes: ['The AWS SDK reads further variables for credentials, for example `AWS_ROLE_SESSION_NAME`.'],
    },
    {
      heading: 'Kubernetes',
      columns: ['Variable', 'Use'],
      entries: [
        [
          ['KUBECONFIG'],
          'kubeconfig files as for kubectl, if no flag, `ECR_BOOTSTRAP_KUBECONFIG` or configuration file sets one',
        ],
      ],
    },
    {
      heading: 'Docker and source registries',
      columns: ['Variable', 'Use'],
      entries: [
        [['DOCKER_AUTH_CONFIG'], 'logins as JSON, with precedence over the Docker configuration file'],
        [['DOCKER_CONFIG'], 'folder of the Docker configuration file; default: `~/.docker`'],
        [['DOCKER_HOST'], 'address of the Docker engine; `--docker-host` has precedence'],
        [['DOCKER_CONTEXT'], 'context of the Docker CLI, if `DOCKER_HOST` is not set'],
        [
          ['DOCKER_TLS', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH'],
          'TLS for a `tcp://` address, as for the Docker CLI',
        ],
        [['COLIMA_HOME'], "folder of Colima's socket; default: `~/.colima`"],
        [
          ['XDG_RUNTIME_DIR'],
          'folder of the socket of a rootless engine, and of a running sandbox if the folder is yours',
        ],
      ],
    },
    {
      heading: 'Network',
      columns: ['Variable', 'Use'],
      entries: [
        [
          ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY'],
          'proxy for AWS, registries and the Kubernetes API: `http://`, `https://`, `socks5://` or `socks5h://`',
        ],
        [
          ['NO_PROXY'],
          'exceptions: domains (with their subdomains), addresses, CIDR ranges, `host:port`, or `*`',
        ],
        [
          ['NODE_EXTRA_CA_CERTS'],
          'PEM file of further certificate authorities to trust, for example that of a TLS proxy',
        ],
      ],
      notes: ['The proxy variables also work in lower case, which has precedence.'],
    },
    {
      heading: 'Terminal and folders',
      columns: ['Variable', 'Use'],
      entries: [
        [
          ['FORCE_COLOR'],
          'color in pipes too; `0` or `false`: no color. Has precedence over `NO_COLOR`, and `--color` over both',
        ],
        [['NO_COLOR'], 'any value: print without color, like `--color never`'],
        [['TERM'], '`dumb`: no color and no moving progress line; `linux`: ASCII marks'],
        [
          ['LC_ALL', 'LC_CTYPE', 'LANG'],
          'the first that is set: a locale that is not UTF-8, for example `C`, gives ASCII marks',
        ],
        [['CI'], 'any value: no moving progress line'],
        [['HOME'], 'your home folder'],
        [['SHELL'], 'the shell for `completion install`'],
        [
          ['XDG_DATA_HOME', 'XDG_CONFIG_HOME', 'BASH_COMPLETION_USER_DIR'],
          'folders for `completion install`; default: `~/.local/share`, `~/.config` and `bash-completion` in the first',
        ],
        [['XDG_CACHE_HOME'], 'folder in which the cache `ecr-bootstrap` is; default: `~/.cache`'],
      ],
      notes: [
        'Credential plugins of the kubeconfig and Docker credential helpers get your whole environment.',
      ],
    },
  ],
};
