targetScope = 'resourceGroup'

// declared at: name
resource computeIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-retail-dev-compute'
  location: 'southeastasia'
  tags: {
    'cost-centre': 'retail-analytics'
    'data-class': 'internal'
    environment: 'dev'
    'managed-by': 'reconciler'
    origin: 'https://github.com/example/azure-mlops-retail-forecast'
    owner: 'forecasting-team'
    workload: 'retail-forecast'
  }
}

// declared at: name
resource endpointIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-retail-dev-endpoint'
  location: 'southeastasia'
  tags: {
    'cost-centre': 'retail-analytics'
    'data-class': 'internal'
    environment: 'dev'
    'managed-by': 'reconciler'
    origin: 'https://github.com/example/azure-mlops-retail-forecast'
    owner: 'forecasting-team'
    workload: 'retail-forecast'
  }
}

// declared at: name
resource workspaceIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-retail-dev-workspace'
  location: 'southeastasia'
  tags: {
    'cost-centre': 'retail-analytics'
    'data-class': 'internal'
    environment: 'dev'
    'managed-by': 'reconciler'
    origin: 'https://github.com/example/azure-mlops-retail-forecast'
    owner: 'forecasting-team'
    workload: 'retail-forecast'
  }
}

// declared at: logs
resource logs 'Microsoft.OperationalInsights/workspaces@2026-03-01' = {
  name: 'log-retail-dev'
  location: 'southeastasia'
  tags: {
    'cost-centre': 'retail-analytics'
    'data-class': 'internal'
    environment: 'dev'
    'managed-by': 'reconciler'
    origin: 'https://github.com/example/azure-mlops-retail-forecast'
    owner: 'forecasting-team'
    workload: 'retail-forecast'
  }
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: 30
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
  }
}

// declared at: logs
resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-retail-dev'
  location: 'southeastasia'
  tags: {
    'cost-centre': 'retail-analytics'
    'data-class': 'internal'
    environment: 'dev'
    'managed-by': 'reconciler'
    origin: 'https://github.com/example/azure-mlops-retail-forecast'
    owner: 'forecasting-team'
    workload: 'retail-forecast'
  }
  kind: 'web'
  properties: {
    Application_Type: 'web'
    IngestionMode: 'LogAnalytics'
    WorkspaceResourceId: logs.id
  }
}

// declared at: storage.lake
resource lake 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  name: 'dlretaildev3c1d'
  location: 'southeastasia'
  tags: {
    'cost-centre': 'retail-analytics'
    'data-class': 'internal'
    environment: 'dev'
    'managed-by': 'reconciler'
    origin: 'https://github.com/example/azure-mlops-retail-forecast'
    owner: 'forecasting-team'
    workload: 'retail-forecast'
  }
  kind: 'StorageV2'
  sku: {
    name: 'Standard_LRS'
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isHnsEnabled: true
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: 'Enabled'
    supportsHttpsTrafficOnly: true
  }
}

// declared at: storage.lake
resource lakeBlobs 'Microsoft.Storage/storageAccounts/blobServices@2026-04-01' = {
  parent: lake
  name: 'default'
  properties: {
    containerDeleteRetentionPolicy: {
      enabled: true
      days: 14
    }
    deleteRetentionPolicy: {
      enabled: true
      days: 14
    }
  }
}

// declared at: storage.lake.containers.logs
resource lakeLogs 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = {
  parent: lakeBlobs
  name: 'logs'
  properties: {
    publicAccess: 'None'
  }
}

// declared at: storage.lake.containers.models
resource lakeModels 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = {
  parent: lakeBlobs
  name: 'models'
  properties: {
    publicAccess: 'None'
  }
}

// declared at: storage.lake.containers.processed
resource lakeProcessed 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = {
  parent: lakeBlobs
  name: 'processed'
  properties: {
    publicAccess: 'None'
  }
}

// declared at: storage.lake.containers.raw
resource lakeRaw 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = {
  parent: lakeBlobs
  name: 'raw'
  properties: {
    publicAccess: 'None'
  }
}

// declared at: storage.lake.containers
resource lakeLifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2026-04-01' = {
  parent: lake
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'tier-logs'
          enabled: true
          type: 'Lifecycle'
          definition: {
            actions: {
              baseBlob: {
                tierToCool: {
                  daysAfterModificationGreaterThan: 30
                }
                tierToArchive: {
                  daysAfterModificationGreaterThan: 90
                }
                delete: {
                  daysAfterModificationGreaterThan: 365
                }
              }
            }
            filters: {
              blobTypes: [
                'blockBlob'
              ]
              prefixMatch: [
                'logs/'
              ]
            }
          }
        }
        {
          name: 'tier-models'
          enabled: true
          type: 'Lifecycle'
          definition: {
            actions: {
              baseBlob: {
                tierToCool: {
                  daysAfterModificationGreaterThan: 90
                }
                tierToArchive: {
                  daysAfterModificationGreaterThan: 365
                }
                delete: {
                  daysAfterModificationGreaterThan: 2555
                }
              }
            }
            filters: {
              blobTypes: [
                'blockBlob'
              ]
              prefixMatch: [
                'models/'
              ]
            }
          }
        }
        {
          name: 'tier-processed'
          enabled: true
          type: 'Lifecycle'
          definition: {
            actions: {
              baseBlob: {
                tierToCool: {
                  daysAfterModificationGreaterThan: 60
                }
                tierToArchive: {
                  daysAfterModificationGreaterThan: 365
                }
                delete: {
                  daysAfterModificationGreaterThan: 1825
                }
              }
            }
            filters: {
              blobTypes: [
                'blockBlob'
              ]
              prefixMatch: [
                'processed/'
              ]
            }
          }
        }
        {
          name: 'tier-raw'
          enabled: true
          type: 'Lifecycle'
          definition: {
            actions: {
              baseBlob: {
                tierToCool: {
                  daysAfterModificationGreaterThan: 30
                }
                tierToArchive: {
                  daysAfterModificationGreaterThan: 180
                }
                delete: {
                  daysAfterModificationGreaterThan: 1825
                }
              }
            }
            filters: {
              blobTypes: [
                'blockBlob'
              ]
              prefixMatch: [
                'raw/'
              ]
            }
          }
        }
      ]
    }
  }
}

// declared at: storage.workspace
resource account 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  name: 'stretaildev3c1d'
  location: 'southeastasia'
  tags: {
    'cost-centre': 'retail-analytics'
    'data-class': 'internal'
    environment: 'dev'
    'managed-by': 'reconciler'
    origin: 'https://github.com/example/azure-mlops-retail-forecast'
    owner: 'forecasting-team'
    workload: 'retail-forecast'
  }
  kind: 'StorageV2'
  sku: {
    name: 'Standard_LRS'
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isHnsEnabled: false
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: 'Enabled'
    supportsHttpsTrafficOnly: true
  }
}

// declared at: storage.workspace
resource accountBlobs 'Microsoft.Storage/storageAccounts/blobServices@2026-04-01' = {
  parent: account
  name: 'default'
  properties: {
    containerDeleteRetentionPolicy: {
      enabled: true
      days: 14
    }
    deleteRetentionPolicy: {
      enabled: true
      days: 14
    }
    isVersioningEnabled: true
  }
}

// declared at: storage.workspace
resource artefacts 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = {
  parent: accountBlobs
  name: 'azureml-artefacts'
  properties: {
    publicAccess: 'None'
  }
}

// declared at: storage.workspace
resource lock 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = {
  parent: accountBlobs
  name: 'reconciler-lock'
  properties: {
    publicAccess: 'None'
  }
}

// declared at: key_vault
resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: 'kv-retail-dev-3c1d'
  location: 'southeastasia'
  tags: {
    'cost-centre': 'retail-analytics'
    'data-class': 'internal'
    environment: 'dev'
    'managed-by': 'reconciler'
    origin: 'https://github.com/example/azure-mlops-retail-forecast'
    owner: 'forecasting-team'
    workload: 'retail-forecast'
  }
  properties: {
    sku: {
      family: 'A'
      name: 'standard'
    }
    tenantId: workspaceIdentity.properties.tenantId
    enableRbacAuthorization: true
    enableSoftDelete: true
    enablePurgeProtection: true
    softDeleteRetentionInDays: 90
    publicNetworkAccess: 'Enabled'
  }
}

// declared at: registry
resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' = {
  name: 'crretaildev3c1d'
  location: 'southeastasia'
  tags: {
    'cost-centre': 'retail-analytics'
    'data-class': 'internal'
    environment: 'dev'
    'managed-by': 'reconciler'
    origin: 'https://github.com/example/azure-mlops-retail-forecast'
    owner: 'forecasting-team'
    workload: 'retail-forecast'
  }
  sku: {
    name: 'Basic'
  }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
    publicNetworkAccess: 'Enabled'
  }
}

// declared at: storage.workspace
resource workspaceReadsAndWritesBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account
  name: 'c876985d-bd82-5af3-969b-0c5659d8066a'
  properties: {
    principalId: workspaceIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
    )
  }
}

// declared at: storage.workspace
resource workspaceManagesAccount 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account
  name: '26721e79-de70-5252-a352-2de874dab4c9'
  properties: {
    principalId: workspaceIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      '17d1049b-9a84-46fb-8f53-869881c3d3ab'
    )
  }
}

// declared at: key_vault
resource workspaceKeepsSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: '19849f85-c5f2-5385-aa3a-dc3da6aea471'
  properties: {
    principalId: workspaceIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
    )
  }
}

// declared at: registry
resource workspacePushesImages 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: '6a6bf6b4-7864-537c-b183-0dd35c835409'
  properties: {
    principalId: workspaceIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      '8311e382-0749-4cb8-b61a-304f252e45ec'
    )
  }
}

// declared at: storage.workspace
resource computeReadsAndWritesBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account
  name: '34442e06-bcac-50cb-8f5d-cc5b935ab57a'
  properties: {
    principalId: computeIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
    )
  }
}

// declared at: storage.lake
resource computeReadsAndWritesLake 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: lake
  name: '551b256e-328d-5370-aac9-03285405d6a1'
  properties: {
    principalId: computeIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
    )
  }
}

// declared at: registry
resource computePullsImages 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: 'fb03d149-096e-5e9c-bad1-58c24803b628'
  properties: {
    principalId: computeIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      '7f951dda-4ed3-4680-a7ca-43fe172d538d'
    )
  }
}

// declared at: storage.workspace
resource endpointReadsBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account
  name: '22617582-0e40-5bac-8e78-04d1388a4775'
  properties: {
    principalId: endpointIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
    )
  }
}

// declared at: registry
resource endpointPullsImages 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: '79ea715b-501d-5920-9345-6c3aac6efc54'
  properties: {
    principalId: endpointIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      '7f951dda-4ed3-4680-a7ca-43fe172d538d'
    )
  }
}

// declared at: name
resource workspace 'Microsoft.MachineLearningServices/workspaces@2026-05-01' = {
  name: 'mlw-retail-dev'
  location: 'southeastasia'
  tags: {
    'cost-centre': 'retail-analytics'
    'data-class': 'internal'
    environment: 'dev'
    'managed-by': 'reconciler'
    origin: 'https://github.com/example/azure-mlops-retail-forecast'
    owner: 'forecasting-team'
    workload: 'retail-forecast'
  }
  kind: 'Default'
  sku: {
    name: 'Basic'
    tier: 'Basic'
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${workspaceIdentity.id}': {}
    }
  }
  properties: {
    friendlyName: 'mlw-retail-dev'
    applicationInsights: insights.id
    containerRegistry: registry.id
    keyVault: vault.id
    primaryUserAssignedIdentity: workspaceIdentity.id
    publicNetworkAccess: 'Enabled'
    storageAccount: account.id
    systemDatastoresAuthMode: 'Identity'
    v1LegacyMode: false
  }
  dependsOn: [
    workspaceKeepsSecrets
    workspaceManagesAccount
    workspacePushesImages
    workspaceReadsAndWritesBlobs
  ]
}

// declared at: storage.workspace
resource artefactStore 'Microsoft.MachineLearningServices/workspaces/datastores@2026-05-01' = {
  parent: workspace
  name: 'artefacts'
  properties: {
    datastoreType: 'AzureBlob'
    accountName: account.name
    containerName: artefacts.name
    credentials: {
      credentialsType: 'None'
    }
    description: 'Models, data and image contexts, by the digest of their content'
    tags: {
      'cost-centre': 'retail-analytics'
      'data-class': 'internal'
      environment: 'dev'
      'managed-by': 'reconciler'
      origin: 'https://github.com/example/azure-mlops-retail-forecast'
      owner: 'forecasting-team'
      workload: 'retail-forecast'
    }
  }
}

// declared at: storage.lake.containers.logs
resource storeLogs 'Microsoft.MachineLearningServices/workspaces/datastores@2026-05-01' = {
  parent: workspace
  name: 'lake_logs'
  properties: {
    datastoreType: 'AzureDataLakeGen2'
    accountName: lake.name
    credentials: {
      credentialsType: 'None'
    }
    filesystem: lakeLogs.name
    tags: {
      'cost-centre': 'retail-analytics'
      'data-class': 'internal'
      environment: 'dev'
      'managed-by': 'reconciler'
      origin: 'https://github.com/example/azure-mlops-retail-forecast'
      owner: 'forecasting-team'
      workload: 'retail-forecast'
    }
  }
}

// declared at: storage.lake.containers.models
resource storeModels 'Microsoft.MachineLearningServices/workspaces/datastores@2026-05-01' = {
  parent: workspace
  name: 'lake_models'
  properties: {
    datastoreType: 'AzureDataLakeGen2'
    accountName: lake.name
    credentials: {
      credentialsType: 'None'
    }
    filesystem: lakeModels.name
    tags: {
      'cost-centre': 'retail-analytics'
      'data-class': 'internal'
      environment: 'dev'
      'managed-by': 'reconciler'
      origin: 'https://github.com/example/azure-mlops-retail-forecast'
      owner: 'forecasting-team'
      workload: 'retail-forecast'
    }
  }
}

// declared at: storage.lake.containers.processed
resource storeProcessed 'Microsoft.MachineLearningServices/workspaces/datastores@2026-05-01' = {
  parent: workspace
  name: 'lake_processed'
  properties: {
    datastoreType: 'AzureDataLakeGen2'
    accountName: lake.name
    credentials: {
      credentialsType: 'None'
    }
    filesystem: lakeProcessed.name
    tags: {
      'cost-centre': 'retail-analytics'
      'data-class': 'internal'
      environment: 'dev'
      'managed-by': 'reconciler'
      origin: 'https://github.com/example/azure-mlops-retail-forecast'
      owner: 'forecasting-team'
      workload: 'retail-forecast'
    }
  }
}

// declared at: storage.lake.containers.raw
resource storeRaw 'Microsoft.MachineLearningServices/workspaces/datastores@2026-05-01' = {
  parent: workspace
  name: 'lake_raw'
  properties: {
    datastoreType: 'AzureDataLakeGen2'
    accountName: lake.name
    credentials: {
      credentialsType: 'None'
    }
    filesystem: lakeRaw.name
    tags: {
      'cost-centre': 'retail-analytics'
      'data-class': 'internal'
      environment: 'dev'
      'managed-by': 'reconciler'
      origin: 'https://github.com/example/azure-mlops-retail-forecast'
      owner: 'forecasting-team'
      workload: 'retail-forecast'
    }
  }
}

// declared at: compute
resource computeRunsJobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: workspace
  name: '57cd0a00-864c-581c-b36e-965d7ba146f9'
  properties: {
    principalId: computeIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      'f6c7c914-8db3-469d-8ca1-694a8f32e121'
    )
  }
}
