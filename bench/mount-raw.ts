/**
 * IndexedDB as it is: one object store, transactions that one waits for.
 */

export interface RawStore {
	/** Puts `count` records in one transaction and waits until they are durable. */
	put(
		count: number,
		record: (n: number) => readonly [key: IDBValidKey, value: unknown],
	): Promise<void>;
	keys(): Promise<IDBValidKey[]>;
	close(): void;
}

export async function openRaw(name: string): Promise<RawStore> {
	const opening = indexedDB.open(`raw-${name}`);
	opening.onupgradeneeded = () => opening.result.createObjectStore("records");
	const database = await answer(opening);
	return {
		put(count, record) {
			const transaction = database.transaction("records", "readwrite", { durability: "strict" });
			const records = transaction.objectStore("records");
			for (let n = 0; n < count; n++) {
				const [key, value] = record(n);
				records.put(value, key);
			}
			return new Promise((resolve, reject) => {
				transaction.oncomplete = () => resolve();
				transaction.onabort = () => reject(transaction.error);
			});
		},
		keys: () => answer(database.transaction("records").objectStore("records").getAllKeys()),
		close: () => database.close(),
	};
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
	return new Promise((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
}
