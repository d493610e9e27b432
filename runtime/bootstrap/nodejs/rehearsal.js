// A function of nobody's: a stem cell loads and calls it while it waits (bootstrap.js).
'use strict';

exports.handler = async (event) => event;
