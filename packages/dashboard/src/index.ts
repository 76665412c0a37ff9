export { type DashboardFile, dashboardFiles } from './files.ts';
export { routes, type Screen } from './routes.ts';
