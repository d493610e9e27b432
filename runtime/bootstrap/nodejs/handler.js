// Finds and loads the handler that _HANDLER names: "index.handler", "lib/app.api.get".
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

function fault(type, message) {
  const error = new Error(message);
  error.name = type;
  return error;
}

// "dir/index.a.b" -> folder "dir", module "index", names ["a", "b"].
function split(handler) {
  if (handler.includes('..')) {
    throw fault('Runtime.MalformedHandlerName',
      `'${handler}' is not a valid handler name. Use absolute paths when specifying root ` +
      "directories in handler names.");
  }
  const base = path.basename(handler);
  const match = /^([^.]*)\.(.*)$/.exec(base);
  if (!match || match[2] === '') throw fault('Runtime.MalformedHandlerName', `Bad handler: ${handler}`);
  return {
    folder: handler.slice(0, handler.length - base.length), module: match[1],
    names: match[2].split('.'),
  };
}

async function loadModule(root, folder, name) {
  const stem = path.resolve(root, folder, name);
  if (fs.existsSync(`${stem}.mjs`) && !fs.existsSync(`${stem}.js`)) {
    return import(pathToFileURL(`${stem}.mjs`).href);
  }
  try {
    for (const file of [stem, `${stem}.js`, `${stem}.cjs`]) {
      if (fs.existsSync(file) && fs.statSync(file).isFile()) return require(file);
    }
    return require(require.resolve(name, { paths: [path.resolve(root, folder)] }));
  } catch (error) {
    if (error.code === 'ERR_REQUIRE_ESM' || error.code === 'ERR_REQUIRE_ASYNC_MODULE' ||
        (error instanceof SyntaxError && /import statement|Unexpected token 'export'/.test(
          error.message))) {
      return import(pathToFileURL(`${stem}.js`).href);
    }
    throw error;
  }
}

async function loadHandler(root, handlerName) {
  const { folder, module, names } = split(handlerName);
  let loaded;
  try {
    loaded = await loadModule(root, folder, module);
  } catch (error) {
    if (error instanceof SyntaxError) {
      const syntax = fault('Runtime.UserCodeSyntaxError', `SyntaxError: ${error.message}`);
      syntax.stack = error.stack;
      throw syntax;
    }
    if (error && (error.code === 'MODULE_NOT_FOUND' || error.code === 'ERR_MODULE_NOT_FOUND')) {
      const absent = fault('Runtime.ImportModuleError', `Error: ${error.message}`);
      absent.stack = error.stack;
      throw absent;
    }
    throw error;
  }
  const find = (from) => names.reduce((value, name) => (value ? value[name] : undefined), from);
  let handler = find(loaded);
  // An ES module's default export may hold the names.
  if (handler === undefined && loaded && loaded.default) handler = find(loaded.default);
  if (handler === undefined || handler === null) {
    throw fault('Runtime.HandlerNotFound', `${handlerName} is undefined or not exported`);
  }
  if (typeof handler !== 'function') {
    throw fault('Runtime.HandlerNotFound', `${handlerName} is not a function`);
  }
  return handler;
}

module.exports = { loadHandler };
