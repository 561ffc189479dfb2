// @ts-check

/**
 * The operator's token in the text of a .dev.vars file: the first, where two are listed.
 * @param {string} secrets
 */
export function adminTokenOf(secrets) {
  const [, list = ''] = /^ADMIN_TOKEN *= *"?([^"\n]*)"?/m.exec(secrets) ?? [];
  return list.split(',')[0]?.trim() ?? '';
}
