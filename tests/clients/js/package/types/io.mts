export declare function io(url: string, options: object): object;
