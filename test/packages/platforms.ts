/** The executables are built on Linux, and this machine can run one of them. */
export const hasExecutable = process.platform === 'linux' && process.arch === 'x64';

/** The numbers of the processors in the header of an executable, by platform: the ELF specification, e_machine. */
export const elfMachines = { 'linux-x64': 62, 'linux-arm64': 183 };
