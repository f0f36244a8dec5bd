// browser.mjs - a person with a browser buys, lands, registers
//
//   node browser.mjs CHROMIUM SANDBOX_URL EMAIL
//
// Prints {"pages": [URL...], "key", "text", "errors": [...]} as JSON.
//
// SPDX-License-Identifier: Apache-2.0
import { chromium } from 'playwright-core';

const [executablePath, sandbox, email] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
});
const seen = { pages: [], errors: [] };
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(20000);
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  page.on('console', (line) => {
    // Every browser asks for an icon; we have none.
    if (line.type() === 'error'
        && !line.location().url.endsWith('/favicon.ico')) {
      seen.errors.push(line.text());
    }
  });
  await page.goto(sandbox);
  await Promise.all([
    page.waitForURL(/\/register/),
    page.locator('form button, form input[type=submit]').first().click(),
  ]);
  seen.pages.push(page.url());
  await page.locator('input[name=email]').fill(email);
  await Promise.all([
    page.waitForURL(/\/register\/complete/),
    page.locator('form button, form input[type=submit]').first().click(),
  ]);
  seen.pages.push(page.url());
  seen.key = (await page.locator('#api-key').textContent()).trim();
  seen.text = await page.locator('body').innerText();
} catch (error) {
  seen.errors.push(String(error));
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
