// @ts-check

/** The demo instance's one user. It exists on developers' machines only. */
export const DEMO = {
  organization: 'Demo',
  userId: 'd654e6ba-70a3-48ef-a95d-37c8d8a7901a',
  loginName: 'mini@mouse.com',
  password: 'V3ryS3cure!',
};

/**
 * Makes the demo instance through the public API, as any caller would. What is there already stays as it is.
 * @param {string} address
 * @param {string} adminToken
 */
export async function seedDemo(address, adminToken) {
  /** @param {string} path @param {object} body */
  const post = async (path, body) => {
    const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' };
    const response = await fetch(new URL(path, address), { method: 'POST', headers, body: JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok && response.status !== 409) throw new Error(`${path} answered ${response.status}: ${answer.message}`);
    return answer;
  };
  await post('/v2/organizations', { name: DEMO.organization });
  const found = await post('/v2/organizations/_search', { queries: [{ nameQuery: { name: DEMO.organization } }] });
  await post('/v2/users/human', {
    userId: DEMO.userId,
    organization: { orgId: found.result[0].id },
    username: DEMO.loginName,
    profile: { givenName: 'Mini', familyName: 'Mouse', preferredLanguage: 'en' },
    email: { email: DEMO.loginName, isVerified: true },
    password: { password: DEMO.password },
  });
  await post(`/v2/users/${DEMO.userId}/otp_email`, {});
}
