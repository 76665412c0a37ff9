module.exports = {
  transform: { '\\.[cm]?js$': '@swc/jest' },
  transformIgnorePatterns: ['/node_modules/(?!(@acmex|jose|temporal-[a-z]+)/)'],
};
