/** What an install on AWS consists of, by name: terraform/names.tf and the files beside it. */
export interface InstallNames {
  install: string;
  previews: string;
  coordination: string;
  events: string;
  cluster: string;
  api_service: string;
  controller_service: string;
  alb_prefix: string;
  fuses: string;
  expire_group: string;
  expire_schedule: string;
}

export function installNames(install: string): InstallNames {
  return {
    install,
    previews: `${install}-previews`,
    coordination: `${install}-coordination`,
    events: `${install}-events`,
    cluster: install,
    api_service: `${install}-api`,
    controller_service: `${install}-controller`,
    alb_prefix: `${install}-previews-`,
    fuses: `${install}-fuses`,
    expire_group: install,
    expire_schedule: `${install}-expire`,
  };
}

/** The rule of terraform/variables.tf. */
export const INSTALL_NAME = /^[a-z](?:[a-z0-9-]{0,14}[a-z0-9])?$/;
