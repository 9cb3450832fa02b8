targetScope = 'resourceGroup'

// declared at: logs
resource logs 'Microsoft.OperationalInsights/workspaces@2026-03-01' = {
  name: 'log-retail-dev'
  location: 'southeastasia'
  properties: {
    retentionInDays: 30
    workspaceCapping: {
      dailyQuotaGb: json('0.5')
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-retail-dev'
  location: 'southeastasia'
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: logs.id
  }
}

// The lake: a hierarchical namespace.
// declared at: storage.lake
resource lake 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  name: 'dlretaildev7f3a'
  location: 'southeastasia'
  kind: 'StorageV2'
  sku: {
    name: 'Standard_LRS'
  }
  tags: {
    'cost-centre': 'retail'
    'hidden-link:${insights.id}': 'Resource'
  }
  properties: {
    isHnsEnabled: true
    allowSharedKeyAccess: false
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Deny'
      ipRules: []
    }
  }
}

resource lakeBlobs 'Microsoft.Storage/storageAccounts/blobServices@2026-04-01' = {
  parent: lake
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: true
      days: 14
    }
  }
}

// declared at: storage.lake.containers.raw
@description('What arrives, untouched')
resource raw 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = {
  parent: lakeBlobs
  name: 'raw'
  properties: {
    publicAccess: 'None'
  }
}

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2026-04-01' = {
  parent: lake
  name: 'default'
  properties: {
    policy: {
      rules: [
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
                delete: {
                  daysAfterModificationGreaterThan: 730
                }
              }
            }
            filters: {
              blobTypes: [
                'blockBlob'
              ]
              prefixMatch: [
                '${raw.name}/'
              ]
            }
          }
        }
      ]
    }
  }
}

resource runner 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-retail-dev-workspace'
  location: 'southeastasia'
}

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: 'kv-retail-dev-7f3a'
  location: 'southeastasia'
  properties: {
    tenantId: runner.properties.tenantId
    enableRbacAuthorization: true
    sku: {
      family: 'A'
      name: 'standard'
    }
  }
}

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' = {
  name: 'crretaildev7f3a'
  location: 'southeastasia'
  sku: {
    name: 'Basic'
  }
  properties: {
    adminUserEnabled: false
  }
}

resource runnerReadsLake 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: lake
  name: '3b0f1d4c-1d84-4c27-9c3b-0123456789ab'
  properties: {
    principalId: runner.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
    )
  }
}

resource runnerReadsRaw 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: raw
  name: '3b0f1d4c-1d84-4c27-9c3b-0123456789ac'
  properties: {
    principalId: runner.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
    )
  }
}

// declared at: name
resource workspace 'Microsoft.MachineLearningServices/workspaces@2026-05-01' = {
  name: 'mlw-retail-dev'
  location: 'southeastasia'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${runner.id}': {}
    }
  }
  properties: {
    primaryUserAssignedIdentity: runner.id
    storageAccount: lake.id
    keyVault: vault.id
    containerRegistry: registry.id
    applicationInsights: insights.id
    description: 'Client ${runner.properties.clientId} of ${lake.name}, \'quoted\''
  }
  dependsOn: [
    runnerReadsLake
  ]
}

resource rawStore 'Microsoft.MachineLearningServices/workspaces/datastores@2026-05-01' = {
  parent: workspace
  name: 'lake_raw'
  properties: {
    datastoreType: 'AzureDataLakeGen2'
    accountName: lake.name
    filesystem: raw.name
    credentials: {
      credentialsType: 'None'
    }
  }
}

@description('Where the workspace is')
output workspaceId string = workspace.id
