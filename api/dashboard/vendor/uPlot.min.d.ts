// For the type checker: the parts that chart.js uses.
declare const uPlot: { new (options: any, data: any, home: HTMLElement): any; pxRatio: number };
export default uPlot;
